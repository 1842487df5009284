// One vehicle: security events over what the vehicle was doing, on one clock; its sensors; its events as a table.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { timelineQuery, vehicleQuery } from "../api/queries";
import type { Timeline, VehicleDetail } from "../api/types";
import { useKeys } from "../app/keys";
import { Page } from "../app/page";
import { useMessages } from "../app/settings";
import { eventKey } from "../domain/lanes";
import { CopyLink } from "../parts/copy";
import { HealthLabel } from "../parts/labels";
import { Empty, Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";
import { DevicesPanel } from "./vehicle/devices";
import { EventDetail } from "./vehicle/event-detail";
import { EventTable } from "./vehicle/event-table";
import { Lanes } from "./vehicle/lanes";
import { RangeBar, useRange, type Range } from "./vehicle/range";
import "../styles/vehicle.css";

const route = getRouteApi("/shell/vehicles/$vehicle");

export function VehiclePage() {
  const m = useMessages();
  const { vehicle } = route.useParams();
  const detail = useQuery(vehicleQuery(vehicle));
  const range = useRange();
  const frozen = () => {
    const address = new URL(location.href);
    address.searchParams.delete("last");
    address.searchParams.set("from", range.from);
    address.searchParams.set("to", range.to);
    return address.href;
  };
  return (
    <Page
      title={vehicle}
      above={<Link to="/vehicles">{m.vehicles.title}</Link>}
      beside={detail.data && <Facts vehicle={detail.data} />}
      actions={<CopyLink address={frozen} />}
    >
      {detail.isError ? (
        <QueryProblem error={detail.error} retry={() => void detail.refetch()} />
      ) : (
        <div className="vehicle-page">
          <TimelinePanel key={vehicle} vehicle={vehicle} range={range} />
          {detail.data && <DevicesPanel devices={detail.data.devices} />}
        </div>
      )}
    </Page>
  );
}

function Facts({ vehicle }: { vehicle: VehicleDetail }) {
  const m = useMessages();
  return (
    <>
      <HealthLabel state={vehicle.state} />
      <span>{vehicle.model}</span>
      {vehicle.last_seen && <When time={vehicle.last_seen} as="age" />}
      <Link to="/alerts" search={{ vehicle: vehicle.vehicle }}>
        {m.vehicle.alertsOpen(vehicle.alerts_open)}
      </Link>
      <span>{m.vehicle.events24h(vehicle.events_24h)}</span>
    </>
  );
}

function TimelinePanel({ vehicle, range }: { vehicle: string; range: Range }) {
  const m = useMessages();
  const query = useQuery({ ...timelineQuery(vehicle, range.from, range.to), placeholderData: keepPreviousData });
  const timeline = query.data;
  return (
    <>
      <Panel title={m.vehicle.timeline} aside={<RangeBar range={range} />} className="timeline">
        {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
        {query.isPending && <Loading lines={8} />}
        {timeline?.truncated && (
          <p className="notice-line" role="status">
            {m.vehicle.truncated}
          </p>
        )}
        {timeline && <TimelineView timeline={timeline} known={query.dataUpdatedAt} range={range} />}
      </Panel>
      {timeline && <SelectedAndTable timeline={timeline} vehicle={vehicle} />}
    </>
  );
}

function TimelineView({ timeline, known, range }: { timeline: Timeline; known: number; range: Range }) {
  const m = useMessages();
  const { event } = route.useSearch();
  const navigate = route.useNavigate();
  const select = (key: string) => void navigate({ search: (before) => ({ ...before, event: key }), replace: true });
  return (
    <>
      <Lanes timeline={timeline} known={known} selected={event} select={select} zoom={range.zoom} />
      {timeline.states.length === 0 && <p className="hint">{m.vehicle.noStates}</p>}
      <p className="hint">{m.vehicle.zoomHelp}</p>
    </>
  );
}

function SelectedAndTable({ timeline, vehicle }: { timeline: Timeline; vehicle: string }) {
  const m = useMessages();
  const { event: selected } = route.useSearch();
  const navigate = route.useNavigate();
  const select = (key: string | undefined) =>
    void navigate({ search: (before) => ({ ...before, event: key }), replace: true });
  const { events } = timeline;
  const index = events.findIndex((event) => eventKey(event) === selected);
  const step = (by: number) => () => {
    const next =
      events[index < 0 ? (by > 0 ? 0 : events.length - 1) : Math.min(events.length - 1, Math.max(0, index + by))];
    if (next) select(eventKey(next));
  };
  useKeys("page", [
    { keys: "j", does: m.keys.nextEvent, run: step(1) },
    { keys: "k", does: m.keys.previousEvent, run: step(-1) },
    ...(selected === undefined ? [] : [{ keys: "Escape", does: m.keys.back, run: () => select(undefined) }]),
  ]);
  const event = events[index];
  return (
    <>
      {event && <EventDetail event={event} />}
      <Panel title={m.vehicle.events} aside={m.alert.eventCount(events.length)} className="range-events">
        {events.length === 0 ? (
          <Empty title={m.vehicle.noEvents}>
            <p>{m.vehicle.noEventsNext}</p>
            <Link to="/alerts" search={{ vehicle, status: "all" }} className="button">
              {m.alert.vehicleAlerts}
            </Link>
          </Empty>
        ) : (
          <EventTable events={events} selected={selected} select={select} />
        )}
      </Panel>
    </>
  );
}

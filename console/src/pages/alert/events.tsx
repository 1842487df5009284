// The events that the alert keeps, each with the way to its evidence.
import { Link } from "@tanstack/react-router";
import type { AlertDetail, CountedEvent, SecurityEvent } from "../../api/types";
import { useMessages, useNumber, usePick } from "../../app/settings";
import { bytesOf } from "../../domain/frames";
import { eventKey } from "../../domain/lanes";
import { placeName } from "../../domain/place";
import { SeverityShape } from "../../parts/icons";
import { Empty, Panel } from "../../parts/panel";
import { Quantity } from "../../parts/quantity";
import { When } from "../../parts/when";

export function EventsPanel({ detail }: { detail: AlertDetail }) {
  const m = useMessages();
  const fleetWide = detail.alert.vehicle === undefined;
  const columns = m.alert.columns;
  return (
    <Panel title={m.alert.events} aside={m.alert.eventCount(detail.events.length)} className="events">
      {detail.events.length === 0 ? (
        <Empty>{m.alert.eventsNone}</Empty>
      ) : (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={m.alert.events}>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{columns.time}</th>
                <th scope="col">{columns.event}</th>
                {fleetWide && <th scope="col">{columns.vehicle}</th>}
                <th scope="col" className="right">
                  {columns.bus}
                </th>
                <th scope="col">{columns.id}</th>
                <th scope="col" className="right">
                  {columns.expected}
                </th>
                <th scope="col" className="right">
                  {columns.observed}
                </th>
                <th scope="col">{columns.payload}</th>
                <th scope="col" className="right">
                  {columns.speed}
                </th>
                <th scope="col" className="right">
                  {columns.evidence}
                </th>
              </tr>
            </thead>
            <tbody>
              {detail.events.map((event) => (
                <EventLine
                  key={eventKey(event)}
                  event={event}
                  fleetWide={fleetWide}
                  counted={countedOf(detail, event)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

/** Why an event counts, where the alert counts what other rules find. */
function countedOf(detail: AlertDetail, event: SecurityEvent): CountedEvent | undefined {
  return detail.counted.find((it) => it.position === event.position && it.entry_index === event.entry_index);
}

interface EventLineProps {
  event: SecurityEvent;
  fleetWide: boolean;
  counted: CountedEvent | undefined;
}

function EventLine({ event, fleetWide, counted }: EventLineProps) {
  const m = useMessages();
  const pick = usePick();
  const number = useNumber();
  const none = <span className="faint">{m.shared.none}</span>;
  return (
    <tr>
      <td>
        <When time={event.time} as="brief" />
      </td>
      <td title={event.event_name}>
        <SeverityShape severity={event.severity} /> {pick(event.title)}
        {event.count > 1 && <span className="times"> ×{number(event.count)}</span>}
        {counted && (
          <div className="hint" title={pick(counted.why)}>
            {m.alert.countedBy(pick(counted.rule))}
          </div>
        )}
      </td>
      {fleetWide && (
        <td className="mono">
          <Link to="/vehicles/$vehicle" params={{ vehicle: event.vehicle }}>
            {event.vehicle}
          </Link>
        </td>
      )}
      <td className="right">{event.bus ?? none}</td>
      <td className="mono">{event.can_id ?? none}</td>
      <td className="right">
        <Quantity event={event} which="expected" />
      </td>
      <td className="right">
        <Quantity event={event} which="observed" />
      </td>
      <td className="mono">{event.payload ? bytesOf(event.payload).join(" ") : none}</td>
      <td className="right">{event.speed_kmh === undefined ? none : `${number(event.speed_kmh)} km/h`}</td>
      <td className="right">
        <Link to="/evidence/$position" params={{ position: String(event.position) }}>
          {placeName(event.position, number)}
        </Link>
      </td>
    </tr>
  );
}

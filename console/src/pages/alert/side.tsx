// Beside an alert: the vehicle it is about, and what people did with it.
import { Link } from "@tanstack/react-router";
import type { AlertDetail, StatusChange } from "../../api/types";
import { useMessages } from "../../app/settings";
import { eventKey } from "../../domain/lanes";
import { millisOf, rfc3339 } from "../../domain/time";
import { Icon } from "../../parts/icons";
import { StatusLabel } from "../../parts/labels";
import { Empty, Panel } from "../../parts/panel";
import { When } from "../../parts/when";

/** How much of the time line is shown before and after the alert. */
const AROUND_MS = 2 * 60_000;

/** The range of a vehicle's time line that shows an alert with some air around it. */
export function rangeAround(first: string, last: string): { from: string; to: string } {
  return { from: rfc3339(millisOf(first) - AROUND_MS), to: rfc3339(millisOf(last) + AROUND_MS) };
}

export function VehiclePanel({ detail }: { detail: AlertDetail }) {
  const { alert, events } = detail;
  const m = useMessages();
  if (alert.vehicle === undefined) {
    const vehicles = [...new Set(events.map((event) => event.vehicle))];
    return (
      <Panel title={m.alert.fleetWide(alert.vehicle_count)} className="vehicle-panel">
        <div className="vehicle-names">
          {vehicles.map((vehicle) => (
            <Link
              key={vehicle}
              to="/vehicles/$vehicle"
              params={{ vehicle }}
              search={rangeAround(alert.first_time, alert.last_time)}
            >
              {vehicle}
            </Link>
          ))}
        </div>
      </Panel>
    );
  }
  const params = { vehicle: alert.vehicle };
  const first = events[0];
  const search = { ...rangeAround(alert.first_time, alert.last_time), event: first && eventKey(first) };
  return (
    <Panel title={m.alert.vehicle} className="vehicle-panel">
      <p>
        <Link to="/vehicles/$vehicle" params={params} className="vehicle-name">
          {alert.vehicle}
        </Link>
      </p>
      <div className="ways">
        <Link to="/vehicles/$vehicle" params={params} search={search} className="button">
          <Icon name="clock" />
          {m.alert.timeline}
        </Link>
        <Link to="/alerts" search={{ vehicle: alert.vehicle, status: "all" }} className="button ghost">
          {m.alert.vehicleAlerts}
        </Link>
      </div>
    </Panel>
  );
}

/** The incidents that an alert belongs to. */

export function HistoryPanel({ history }: { history: StatusChange[] }) {
  const m = useMessages();
  return (
    <Panel title={m.alert.history} className="history">
      {history.length === 0 && <Empty>{m.alert.historyNone}</Empty>}
      <ul>
        {history.map((change) => (
          <li key={change.time}>
            <div>
              <StatusLabel status={change.status} />
              {change.disposition && <span>{m.dispositions[change.disposition]}</span>}
              <span>{change.user || m.incident.server}</span>
              <When time={change.time} as="brief" />
            </div>
            {change.note && <p>{change.note}</p>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

// What an incident names: vehicles, control units and accounts, its alerts, and incidents beside it.
import { Link } from "@tanstack/react-router";
import type { FieldValue, IncidentDetail } from "../../api/types";
import { useMessages, usePick } from "../../app/settings";
import { SeverityShape } from "../../parts/icons";
import { StatusLabel } from "../../parts/labels";
import { Empty, Panel } from "../../parts/panel";
import { When } from "../../parts/when";
import { rangeAround } from "../alert/side";

export function VehiclesPanel({ detail }: { detail: IncidentDetail }) {
  const m = useMessages();
  const { incident, vehicles } = detail;
  const more = incident.vehicle_count - vehicles.length;
  return (
    <Panel title={m.incident.vehicles} className="vehicle-panel">
      {incident.vehicle_count === 0 && <Empty>{m.incident.vehiclesNone}</Empty>}
      <div className="vehicle-names">
        {vehicles.map((vehicle) => (
          <Link
            key={vehicle}
            to="/vehicles/$vehicle"
            params={{ vehicle }}
            search={rangeAround(incident.first_time, incident.last_time)}
            title={m.incident.timeline(vehicle)}
          >
            {vehicle}
          </Link>
        ))}
        {more > 0 && <span className="muted">{m.incident.vehiclesMore(more)}</span>}
      </div>
    </Panel>
  );
}

export function EntitiesPanel({ entities }: { entities: FieldValue[] }) {
  const m = useMessages();
  return (
    <Panel title={m.incident.entities}>
      {entities.length === 0 && <Empty>{m.incident.entitiesNone}</Empty>}
      <dl className="matched">
        {entities.map((pair) => (
          <div key={`${pair.field} ${pair.value}`}>
            <dt>{pair.field}</dt>
            <dd>{pair.value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

export function AlertsPanel({ detail }: { detail: IncidentDetail }) {
  const m = useMessages();
  const pick = usePick();
  const { alerts, incident } = detail;
  const all = incident.alert_count;
  const aside = all > alerts.length ? m.incident.alertsFirst(alerts.length, all) : undefined;
  return (
    <Panel title={m.incident.alerts} aside={aside} className="incident-alerts">
      <ul className="alert-lines">
        {alerts.map((alert) => (
          <li key={alert.id}>
            <Link to="/alerts/$id" params={{ id: alert.id }} className={alert.status}>
              <SeverityShape severity={alert.severity} />
              <span className="sr">{m.severity[alert.severity]}</span>
              <span className="title">{pick(alert.title)}</span>
              <span className="vehicle">{alert.vehicle ?? m.alerts.vehicles(alert.vehicle_count)}</span>
              <When time={alert.first_time} as="brief" />
              <StatusLabel status={alert.status} />
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

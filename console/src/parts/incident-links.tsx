// Incidents in a panel, each with its score, its title that leads to it, and how many alerts it has.
import { Link } from "@tanstack/react-router";
import type { Incident } from "../api/types";
import { useMessages, usePick } from "../app/settings";
import { Empty, Panel } from "./panel";
import { Score } from "./score";

export function IncidentLinks({ title, none, incidents }: { title: string; none: string; incidents: Incident[] }) {
  const m = useMessages();
  const pick = usePick();
  return (
    <Panel title={title} className="incident-links">
      {incidents.length === 0 && <Empty>{none}</Empty>}
      <ul>
        {incidents.map((incident) => (
          <li key={incident.id}>
            <Score incident={incident} />
            <Link to="/incidents/$id" params={{ id: incident.id }}>
              {pick(incident.title)}
            </Link>
            <small>{m.incident.alertCount(incident.alert_count)}</small>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

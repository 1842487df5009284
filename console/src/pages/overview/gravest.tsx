// The gravest incidents that nobody has taken yet.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { gravestIncidentsQuery } from "../../api/queries";
import { useLiveIncidents } from "../../app/live";
import { useMessages, usePick } from "../../app/settings";
import { Empty, Loading, Panel } from "../../parts/panel";
import { QueryProblem } from "../../parts/problem";
import { Score } from "../../parts/score";
import { When } from "../../parts/when";

const SHOWN = 8;

export function GravestIncidents() {
  const m = useMessages();
  const pick = usePick();
  const queries = useQueryClient();
  const query = gravestIncidentsQuery(SHOWN);
  const gravest = useQuery(query);
  useLiveIncidents(() => void queries.invalidateQueries({ queryKey: query.queryKey }, { cancelRefetch: false }));
  return (
    <Panel
      title={m.overview.gravest}
      aside={<Link to="/incidents">{m.overview.allIncidents}</Link>}
      className="gravest"
    >
      {gravest.isError && <QueryProblem error={gravest.error} retry={() => void gravest.refetch()} />}
      {gravest.isPending && <Loading lines={4} />}
      {gravest.data?.incidents.length === 0 && <Empty>{m.overview.gravestNone}</Empty>}
      <ul className="incident-lines">
        {gravest.data?.incidents.map((incident) => (
          <li key={incident.id}>
            <Link to="/incidents/$id" params={{ id: incident.id }}>
              <Score incident={incident} />
              <span className="title">{pick(incident.title)}</span>
              <span className="muted">{m.incident.alertCount(incident.alert_count)}</span>
              <When time={incident.last_time} as="age" />
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

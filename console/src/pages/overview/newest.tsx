// The newest alerts that still wait for a person; one click from the overview to the thing itself.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { newestAlertsQuery } from "../../api/queries";
import { useLiveAlerts } from "../../app/live";
import { useMessages, usePick } from "../../app/settings";
import { SeverityShape } from "../../parts/icons";
import { Empty, Loading, Panel } from "../../parts/panel";
import { QueryProblem } from "../../parts/problem";
import { When } from "../../parts/when";

const ASKED = 50;
const SHOWN = 16;

export function NewestAlerts() {
  const m = useMessages();
  const pick = usePick();
  const queries = useQueryClient();
  const query = newestAlertsQuery(ASKED);
  const newest = useQuery(query);
  useLiveAlerts(() => void queries.invalidateQueries({ queryKey: query.queryKey }, { cancelRefetch: false }));
  const waiting = newest.data?.alerts.filter((alert) => alert.status !== "closed").slice(0, SHOWN);
  return (
    <Panel title={m.overview.newest} aside={<Link to="/alerts">{m.overview.allAlerts}</Link>} className="newest">
      {newest.isError && <QueryProblem error={newest.error} retry={() => void newest.refetch()} />}
      {newest.isPending && <Loading lines={6} />}
      {waiting?.length === 0 && <Empty>{m.overview.newestNone}</Empty>}
      <ul className="alert-lines">
        {waiting?.map((alert) => (
          <li key={alert.id}>
            <Link to="/alerts/$id" params={{ id: alert.id }} className={alert.status}>
              <SeverityShape severity={alert.severity} />
              <span className="sr">{m.severity[alert.severity]}</span>
              <span className="title">{pick(alert.title)}</span>
              <span className="vehicle">{alert.vehicle ?? m.alerts.vehicles(alert.vehicle_count)}</span>
              <When time={alert.first_time} as="age" />
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

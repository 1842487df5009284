// The overview: what waits for a person, how the fleet is, what flows in, what was lost, and the evidence log.
// Every figure leads to its rows.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { overviewQuery } from "../api/queries";
import type { AlertCounts, Overview } from "../api/types";
import { useLive } from "../app/live";
import { Page } from "../app/page";
import { useMessages, useNumber } from "../app/settings";
import { SEVERITIES } from "../domain/severity";
import { Icon, SeverityShape } from "../parts/icons";
import { Empty, Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";
import { GravestIncidents } from "./overview/gravest";
import { NewestAlerts } from "./overview/newest";
import { Rates } from "./overview/rates";
import "../styles/incident.css";
import "../styles/overview.css";

export function OverviewPage() {
  const m = useMessages();
  const overview = useQuery(overviewQuery);
  const { tick } = useLive();
  return (
    <Page title={m.overview.title}>
      {overview.isError && <QueryProblem error={overview.error} retry={() => void overview.refetch()} />}
      {overview.data?.problems.map((problem) => (
        <ServerProblem key={problem.kind} problem={problem} />
      ))}
      <div className="overview">
        <OpenCounts
          title={m.overview.incidents}
          className="open-incidents"
          to="/incidents"
          counts={overview.data?.incidents_open}
        />
        <Fleet overview={overview.data} reporting={tick?.reporting} />
        <GravestIncidents />
        <NewestAlerts />
        <OpenCounts
          title={m.overview.alerts}
          className="open-alerts"
          to="/alerts"
          counts={tick?.alerts_open ?? overview.data?.alerts_open}
        />
        <Rates overview={overview.data} now={tick?.events_per_second} />
        <Models overview={overview.data} />
        <Losses overview={overview.data} />
        <Vault overview={overview.data} />
      </div>
    </Page>
  );
}

function ServerProblem({ problem }: { problem: Overview["problems"][number] }) {
  const m = useMessages();
  return (
    <section className="problem" role="alert">
      <h2>
        <Icon name="warning" />
        {m.overview.problems}
      </h2>
      <dl>
        <dt>{m.errors.cause}</dt>
        <dd>
          {problem.detail} <When time={problem.since} as="age" />
        </dd>
        <dt>{m.errors.nextStep}</dt>
        <dd>{problem.next_step}</dd>
        <dt>{m.errors.errorId}</dt>
        <dd>
          <code>{problem.kind}</code>
        </dd>
      </dl>
    </section>
  );
}

interface OpenCountsProps {
  title: string;
  className: string;
  to: "/incidents" | "/alerts";
  counts: AlertCounts | undefined;
}

/** What is not closed, by severity; each figure leads to its rows. */
function OpenCounts({ title, className, to, counts }: OpenCountsProps) {
  const m = useMessages();
  const number = useNumber();
  return (
    <Panel title={title} className={className}>
      <div className="tiles">
        {SEVERITIES.map((severity) => (
          <Link
            key={severity}
            to={to}
            search={{ severity }}
            className={`tile ${severity}${counts?.[severity] ? "" : " none"}`}
            title={m.severity.meaning[severity]}
          >
            <span className="label">
              <SeverityShape severity={severity} />
              {m.severity[severity]}
            </span>
            <strong>{counts ? number(counts[severity]) : m.shared.none}</strong>
          </Link>
        ))}
      </div>
    </Panel>
  );
}

function Fleet({ overview, reporting }: { overview: Overview | undefined; reporting: number | undefined }) {
  const m = useMessages();
  const number = useNumber();
  if (!overview) return <Panel title={m.overview.fleet} className="fleet" children={<Loading />} />;
  const { vehicles } = overview.fleet;
  const live = Math.min(vehicles, reporting ?? overview.fleet.reporting);
  if (vehicles === 0) {
    return (
      <Panel title={m.overview.fleet} className="fleet">
        <Empty>{m.overview.fleetEmpty}</Empty>
      </Panel>
    );
  }
  return (
    <Panel
      title={m.overview.fleet}
      aside={<Link to="/vehicles">{m.overview.vehicles(vehicles)}</Link>}
      className="fleet"
    >
      <div className="fleet-figures">
        <Link to="/vehicles" search={{ state: "reporting" }}>
          <strong>{number(live)}</strong>
          <span className="health reporting">{m.overview.reporting}</span>
        </Link>
        <Link to="/vehicles" search={{ sort: "state" }} className={vehicles - live > 0 ? "" : "none"}>
          <strong>{number(vehicles - live)}</strong>
          <span className="health silent">{m.overview.silent}</span>
        </Link>
      </div>
      <progress className="share" max={vehicles} value={live} aria-label={m.overview.reporting} />
    </Panel>
  );
}

function Models({ overview }: { overview: Overview | undefined }) {
  const m = useMessages();
  const number = useNumber();
  return (
    <Panel title={m.overview.models} className="models">
      {!overview ? (
        <Loading />
      ) : (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{m.overview.model}</th>
              <th scope="col" className="right">
                {m.overview.reporting}
              </th>
              <th scope="col" className="right">
                {m.overview.alertsOpen}
              </th>
            </tr>
          </thead>
          <tbody>
            {overview.fleet.models.map((model) => (
              <tr key={model.model}>
                <td>
                  <Link to="/vehicles" search={{ model: model.model }}>
                    {model.model}
                  </Link>
                </td>
                <td className="right">
                  {number(model.reporting)} / {number(model.vehicles)}
                </td>
                <td className={model.alerts_open > 0 ? "right" : "right faint"}>{number(model.alerts_open)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Losses({ overview }: { overview: Overview | undefined }) {
  const m = useMessages();
  const number = useNumber();
  const kinds: Partial<Record<string, string>> = m.overview.lossKinds;
  return (
    <Panel title={m.overview.losses} className="losses">
      {!overview ? (
        <Loading />
      ) : overview.losses.length === 0 ? (
        <Empty>
          <Icon name="check" /> {m.overview.lossesNone}
        </Empty>
      ) : (
        <ul className="facts">
          {overview.losses.map((loss) => (
            <li key={loss.kind}>
              <span>
                {kinds[loss.kind] ?? loss.kind}
                <small>
                  <When time={loss.since} as="brief" />
                </small>
              </span>
              <strong>{number(loss.count)}</strong>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Vault({ overview }: { overview: Overview | undefined }) {
  const m = useMessages();
  const number = useNumber();
  if (!overview) return <Panel title={m.overview.vault} className="vault" children={<Loading />} />;
  const { vault, totals } = overview;
  return (
    <Panel title={m.overview.vault} aside={<Link to="/evidence">{m.nav.evidence}</Link>} className="vault">
      <dl className="pairs">
        <dt>{m.overview.records}</dt>
        <dd>{number(vault.size)}</dd>
        {vault.partitions > 1 ? (
          <>
            <dt>{m.overview.partitions}</dt>
            <dd>{number(vault.partitions)}</dd>
          </>
        ) : (
          <>
            <dt>{m.overview.checkpoint}</dt>
            <dd>{vault.checkpoint_time ? <When time={vault.checkpoint_time} as="age" /> : m.time.never}</dd>
          </>
        )}
        <dt>{m.overview.origin}</dt>
        <dd>
          <code>{vault.origin}</code>
        </dd>
        <dt>{m.overview.totalReports}</dt>
        <dd>{number(totals.reports)}</dd>
        <dt>{m.overview.totalEvents}</dt>
        <dd>{number(totals.events)}</dd>
      </dl>
    </Panel>
  );
}

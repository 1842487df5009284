// One finding: why it concerns the product, what each source says, what was decided, and the form to decide.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { findingQuery } from "../api/queries";
import type { FindingDetail, FindingSource } from "../api/types";
import { Page } from "../app/page";
import { useMessages } from "../app/settings";
import { CopyLink } from "../parts/copy";
import { SeverityLabel } from "../parts/labels";
import { Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";
import { DecideForm, DecisionsPanel } from "./finding/decisions";
import "../styles/alert.css";
import "../styles/product.css";

const route = getRouteApi("/shell/findings/$id");

export function FindingPage() {
  const m = useMessages();
  const { id } = route.useParams();
  const query = useQuery(findingQuery(id));
  const detail = query.data;
  const version = detail?.finding.version;
  return (
    <Page
      title={detail ? `${detail.finding.vulnerability}: ${detail.finding.component}` : m.finding.title}
      above={
        version && (
          <Link to="/versions/$id" params={{ id: version.id }}>
            {`${version.product_name} ${version.version}`}
          </Link>
        )
      }
      beside={detail && <span className="count">{m.productPage.states[detail.finding.state]}</span>}
      actions={<CopyLink />}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {detail && (
        <div className="alert-page">
          <Why detail={detail} />
          <div className="main-column">
            <Sources sources={detail.sources} />
            <HistoryOf detail={detail} />
          </div>
          <div className="side-column">
            <DecideForm finding={detail.finding} />
            <DecisionsPanel detail={detail} />
          </div>
        </div>
      )}
    </Page>
  );
}

function Why({ detail }: { detail: FindingDetail }) {
  const m = useMessages();
  const { finding } = detail;
  return (
    <div className={`alert-strip ${finding.severity}`}>
      <SeverityLabel severity={finding.severity} />
      {finding.score !== undefined && <span>{`CVSS ${finding.score.toFixed(1)}`}</span>}
      {finding.exploited && <strong className="exploited">{m.products.exploited}</strong>}
      <Link to="/advisories/$id" params={{ id: finding.vulnerability }}>
        {finding.title || finding.vulnerability}
      </Link>
      <span>{`${finding.component} ${finding.component_version ?? ""}`}</span>
      <span>{`${m.finding.range}: ${finding.range}`}</span>
      <span className="grow" />
      <p className="why-words">{`${m.productPage.percent(finding.confidence)}: ${finding.reason}`}</p>
      {finding.because !== "" && <p className="why-words">{finding.because}</p>}
    </div>
  );
}

function Sources({ sources }: { sources: FindingSource[] }) {
  const m = useMessages();
  return (
    <Panel title={m.finding.sources}>
      <div className="sources">
        {sources.map((one, at) => (
          <section key={at}>
            <h3>{`${one.source} ${one.advisory}`}</h3>
            <dl>
              <dt>{m.finding.range}</dt>
              <dd>{one.range}</dd>
              <dt>{m.productPage.fixedIn}</dt>
              <dd>{one.fixed_in ?? "–"}</dd>
              <dt>{m.finding.identity}</dt>
              <dd>
                <code>{one.identity}</code>
              </dd>
              <dt>{m.productPage.confidence}</dt>
              <dd>{`${m.productPage.percent(one.confidence)}: ${one.reason}`}</dd>
              {one.running_on.length > 0 && <dt>{m.finding.running}</dt>}
              {one.running_on.length > 0 && <dd>{one.running_on.join(", ")}</dd>}
              {one.scores.map((score) => (
                <dd key={score.vector}>
                  {score.value?.toFixed(1)} <code>{score.vector}</code> {score.by}
                </dd>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Panel>
  );
}

function HistoryOf({ detail }: { detail: FindingDetail }) {
  const m = useMessages();
  return (
    <Panel title={m.finding.history}>
      <ul className="facts">
        {detail.history.map((one, at) => (
          <li key={at}>
            <When time={one.time} as="brief" /> <strong>{m.finding.changes[one.change]}</strong>{" "}
            {one.user === "" ? m.finding.server : one.user} <span className="muted">{one.detail}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

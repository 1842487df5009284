// One version of a product: its findings, what to look at first before the rest, and what of its SBOM is unknown or wrong.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { findingsQuery, versionQuery } from "../api/queries";
import type { Finding, VersionDetail } from "../api/types";
import { Page } from "../app/page";
import { FINDING_STATES } from "../app/search";
import { useMessages } from "../app/settings";
import { CopyLink } from "../parts/copy";
import { FindingsTable } from "../parts/findings-table";
import { OpenCounts } from "../parts/open-findings";
import { Empty, Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import "../styles/alert.css";
import "../styles/product.css";

const route = getRouteApi("/shell/versions/$id");

export function VersionPage() {
  const m = useMessages();
  const { id } = route.useParams();
  const query = useQuery(versionQuery(id));
  const detail = query.data;
  return (
    <Page
      title={detail ? `${detail.product.name} ${detail.version.version}` : m.productPage.version}
      above={
        detail && (
          <Link to="/products/$id" params={{ id: detail.product.id }}>
            {detail.product.name}
          </Link>
        )
      }
      beside={detail && <OpenCounts open={detail.version.open} />}
      actions={<CopyLink />}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {detail && (
        <div className="main-column">
          <Findings id={id} />
          <Unknown detail={detail} />
        </div>
      )}
    </Page>
  );
}

function Findings({ id }: { id: string }) {
  const m = useMessages();
  const filter = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(findingsQuery({ version: id, state: filter.state }));
  const rows: Finding[] = query.data?.pages.flatMap((page) => page.findings) ?? [];
  return (
    <Panel title={m.productPage.findings}>
      <div className="filter-bar">
        <div className="switch" role="group" aria-label={m.productPage.states.label}>
          {([undefined, ...FINDING_STATES] as const).map((state) => (
            <button
              key={state ?? "all"}
              type="button"
              aria-pressed={filter.state === state}
              onClick={() => void navigate({ search: state ? { state } : {}, replace: true })}
            >
              {m.productPage.states[state ?? "all"]}
            </button>
          ))}
        </div>
      </div>
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={6} />}
      {query.data && rows.length === 0 && <Empty>{m.productPage.findingsNone}</Empty>}
      {rows.length > 0 && <FindingsTable findings={rows} label={m.productPage.findings} />}
      {query.hasNextPage && (
        <button type="button" className="button" onClick={() => void query.fetchNextPage()}>
          {m.productPage.more}
        </button>
      )}
    </Panel>
  );
}

function Unknown({ detail }: { detail: VersionDetail }) {
  const m = useMessages();
  return (
    <>
      {detail.unidentified.length > 0 && (
        <Panel title={m.productPage.unidentifiedTitle(detail.version.unidentified)}>
          <ul className="facts">
            {detail.unidentified.map((one, at) => (
              <li key={at}>
                <strong>{`${one.name} ${one.version ?? ""}`}</strong>{" "}
                <span className="muted">{one.tried.join("; ")}</span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {detail.anomalies.length > 0 && (
        <Panel title={m.productPage.anomalies}>
          <ul className="facts">
            {detail.anomalies.map((one, at) => (
              <li key={at}>
                <code>{one.place}</code> {one.what}
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  );
}

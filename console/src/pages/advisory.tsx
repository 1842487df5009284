// One vulnerability: what sources say of it, and which products and vehicles have it.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { advisoryQuery } from "../api/queries";
import type { AdvisoryRecord } from "../api/types";
import { Page } from "../app/page";
import { useMessages } from "../app/settings";
import { CopyLink } from "../parts/copy";
import { FindingsTable } from "../parts/findings-table";
import { Empty, Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import "../styles/alert.css";
import "../styles/product.css";

const route = getRouteApi("/shell/advisories/$id");

export function AdvisoryPage() {
  const m = useMessages();
  const { id } = route.useParams();
  const query = useQuery(advisoryQuery(id));
  const detail = query.data;
  return (
    <Page
      title={id}
      above={<Link to="/products">{m.products.title}</Link>}
      beside={detail && <span className="count">{m.advisory.concerned(detail.versions, detail.vehicles)}</span>}
      actions={<CopyLink />}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {detail && (
        <div className="main-column">
          <Panel title={m.advisory.products}>
            {detail.findings.length === 0 && <Empty>{m.advisory.none}</Empty>}
            {detail.findings.length > 0 && (
              <FindingsTable findings={detail.findings} label={m.advisory.products} withProduct />
            )}
          </Panel>
          {detail.records.map((record, at) => (
            <RecordPanel key={at} record={record} />
          ))}
        </div>
      )}
    </Page>
  );
}

function RecordPanel({ record }: { record: AdvisoryRecord }) {
  const m = useMessages();
  return (
    <Panel title={`${record.source} ${record.id}`}>
      <div className="record">
        {record.title !== "" && <h3>{record.title}</h3>}
        <p className="record-words">{record.description}</p>
        <ul className="facts">
          {record.scores.map((score) => (
            <li key={`${score.by} ${score.vector}`}>
              {score.value?.toFixed(1)} <code>{score.vector}</code> {score.by}
            </li>
          ))}
        </ul>
        {record.remedies.length > 0 && <h3>{m.advisory.remedies}</h3>}
        {record.remedies.map((remedy) => (
          <p key={remedy}>{remedy}</p>
        ))}
        {record.references.length > 0 && <h3>{m.advisory.references}</h3>}
        <ul className="facts">
          {record.references.map((reference) => (
            <li key={reference}>
              <code>{reference}</code>
            </li>
          ))}
        </ul>
      </div>
    </Panel>
  );
}

// Findings as a table: what it is, on which component, how bad, why, and where it stands.
import { Link } from "@tanstack/react-router";
import type { Finding } from "../api/types";
import { useMessages } from "../app/settings";
import { SeverityLabel } from "./labels";

interface FindingsTableProps {
  findings: Finding[];
  label: string;
  /** Whether rows are of several products. */
  withProduct?: boolean;
}

export function FindingsTable({ findings, label, withProduct }: FindingsTableProps) {
  const m = useMessages();
  return (
    <div className="table-scroll">
      <table className="table" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{m.productPage.vulnerability}</th>
            {withProduct && <th scope="col">{m.products.product}</th>}
            <th scope="col">{m.productPage.component}</th>
            <th scope="col">{m.severity.label}</th>
            <th scope="col" className="right">
              {m.productPage.score}
            </th>
            <th scope="col">{m.productPage.fixedIn}</th>
            <th scope="col">{m.productPage.why}</th>
            <th scope="col">{m.productPage.states.label}</th>
          </tr>
        </thead>
        <tbody>
          {findings.map((one) => (
            <FindingLine key={one.id} finding={one} withProduct={withProduct ?? false} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FindingLine({ finding, withProduct }: { finding: Finding; withProduct: boolean }) {
  const m = useMessages();
  return (
    <tr>
      <td>
        <Link to="/findings/$id" params={{ id: finding.id }}>
          {finding.vulnerability}
        </Link>
        {finding.exploited && <strong className="exploited">{m.products.exploited}</strong>}
      </td>
      {withProduct && (
        <td>
          <Link to="/versions/$id" params={{ id: finding.version.id }}>
            {`${finding.version.product_name} ${finding.version.version}`}
          </Link>
        </td>
      )}
      <td>{`${finding.component} ${finding.component_version ?? ""}`}</td>
      <td>
        <SeverityLabel severity={finding.severity} />
      </td>
      <td className="right">{finding.score?.toFixed(1)}</td>
      <td>{finding.fixed_in}</td>
      <td className="why">
        {m.productPage.percent(finding.confidence)}: {finding.reason}
      </td>
      <td title={finding.because}>{m.productPage.states[finding.state]}</td>
    </tr>
  );
}

// What waits for somebody, by severity: shape, number and word together. Not a list of it.
import type { OpenFindings } from "../api/types";
import { useMessages, useNumber } from "../app/settings";
import { SEVERITIES } from "../domain/severity";
import { SeverityShape } from "./icons";

export function OpenCounts({ open }: { open: OpenFindings }) {
  const m = useMessages();
  const number = useNumber();
  const some = SEVERITIES.filter((severity) => (open.by_severity[severity] ?? 0) > 0);
  if (some.length === 0) return <span className="muted">{m.products.none}</span>;
  return (
    <span className="open-counts">
      {some.map((severity) => (
        <span key={severity} className={`severity ${severity}`} title={m.severity[severity]}>
          <SeverityShape severity={severity} />
          <span className="sr">{m.severity[severity]}</span>
          {number(open.by_severity[severity] ?? 0)}
        </span>
      ))}
      {open.exploited > 0 && <strong>{`${m.products.exploited}: ${number(open.exploited)}`}</strong>}
    </span>
  );
}

// An incident's score: the number, a bar of its length, and the severity's shape and word for those who do not see colour.
import type { Incident } from "../api/types";
import { useMessages } from "../app/settings";
import { SeverityShape } from "./icons";

export function Score({ incident }: { incident: Pick<Incident, "score" | "severity"> }) {
  const m = useMessages();
  const { score, severity } = incident;
  return (
    <span className={`score ${severity}`} title={`${m.incidents.scoreOf(score)} · ${m.severity[severity]}`}>
      <SeverityShape severity={severity} />
      <strong>{score}</strong>
      <meter min={0} max={100} value={score} aria-label={m.incidents.scoreOf(score)} />
    </span>
  );
}

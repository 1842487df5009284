// The rule that fired, with its source; the lines about what matched are marked.
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { FieldValue, RuleView } from "../../api/types";
import { useMessages, usePick } from "../../app/settings";
import { yamlLines } from "../../domain/yaml-lines";
import { SeverityLabel } from "../../parts/labels";
import { Panel } from "../../parts/panel";

export function RulePanel({ rule, matched }: { rule: RuleView; matched: FieldValue[] }) {
  const m = useMessages();
  const pick = usePick();
  const lines = useMemo(
    () => yamlLines(rule.source, new Set(matched.map((pair) => pair.field))),
    [rule.source, matched],
  );
  const all = (
    <Link to="/alerts" search={{ rule: rule.id, status: "all" }}>
      {m.alert.ruleAlerts}
    </Link>
  );
  return (
    <Panel title={m.alert.rule} aside={all} className="rule">
      <p>
        <strong>{pick(rule.title)}</strong>
      </p>
      <p>{rule.description}</p>
      <dl className="pairs">
        <dt>{m.alert.ruleLevel}</dt>
        <dd>
          <SeverityLabel severity={rule.level} />
        </dd>
        <dt>{m.alert.ruleTags}</dt>
        <dd className="tags">
          {rule.tags.map((tag) => (
            <code key={tag}>{tag}</code>
          ))}
        </dd>
        <dt>{m.alert.ruleFalse}</dt>
        <dd>{rule.falsepositives.length > 0 ? rule.falsepositives.join("; ") : m.alert.ruleFalseNone}</dd>
        <dt>{m.alert.rulePath}</dt>
        <dd>
          <code>{rule.path}</code>
        </dd>
      </dl>
      <details open>
        <summary>{m.alert.ruleSource}</summary>
        <pre className="source" tabIndex={0} aria-label={m.alert.ruleSource}>
          {lines.map((line, i) => (
            <span key={i} className={line.matched ? "line matched" : "line"}>
              {line.parts.map((part, j) => (
                <span key={j} className={part.kind}>
                  {part.text}
                </span>
              ))}
              {"\n"}
            </span>
          ))}
        </pre>
      </details>
    </Panel>
  );
}

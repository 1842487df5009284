// What happened, as a line through the tactics: one step a rule, by its first event.
import { Link } from "@tanstack/react-router";
import type { StoryStep } from "../../api/types";
import { useMessages, usePick } from "../../app/settings";
import { SeverityShape } from "../../parts/icons";
import { Panel } from "../../parts/panel";
import { When } from "../../parts/when";

export function StoryPanel({ story }: { story: StoryStep[] }) {
  const m = useMessages();
  const pick = usePick();
  const tactics: Partial<Record<string, string>> = m.incident.tactics;
  return (
    <Panel title={m.incident.story} className="story">
      <ol>
        {story.map((step, index) => {
          const again = index > 0 && story[index - 1]?.tactic === step.tactic;
          const tactic = step.tactic === undefined ? m.incident.noTactic : (tactics[step.tactic] ?? step.tactic);
          return (
            <li key={step.rule_id} className={again ? "again" : undefined}>
              <span className="tactic">{tactic}</span>
              <SeverityShape severity={step.severity} />
              <div>
                <Link to="/alerts" search={{ rule: step.rule_id, status: "all" }}>
                  {pick(step.title)}
                </Link>
                <small>
                  <span className="sr">{m.severity[step.severity]} </span>
                  {step.technique && <span className="mono">{step.technique} </span>}
                  {m.incident.alertCount(step.alert_count)} · <When time={step.first_time} as="brief" /> –{" "}
                  <When time={step.last_time} as="brief" />
                </small>
              </div>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

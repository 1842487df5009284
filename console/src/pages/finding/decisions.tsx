// Decisions on a finding: those there are, each with why it does not hold here, and the form for another.
import { useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { post } from "../../api/client";
import type { Decision, DecisionScope, Finding, FindingDetail, VexStatus } from "../../api/types";
import { useMessages, useSettings } from "../../app/settings";
import { useNotice } from "../../app/undo";
import { Empty, Panel } from "../../parts/panel";
import { problemText } from "../../parts/problem";
import { When } from "../../parts/when";

const STATUSES = ["not_affected", "affected", "under_investigation", "fixed"] as const satisfies VexStatus[];
const SCOPES = ["version", "product", "line", "portfolio"] as const satisfies DecisionScope[];
const JUSTIFICATIONS = [
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
] as const;

/** Does something, then everything that depends on findings is asked again; a refusal is shown. */
function useAct() {
  const m = useMessages();
  const { language } = useSettings();
  const queries = useQueryClient();
  const notify = useNotice();
  return async (act: () => Promise<unknown>) => {
    try {
      await act();
      for (const key of ["finding", "findings", "version", "product", "products", "advisory"])
        void queries.invalidateQueries({ queryKey: [key] });
      return true;
    } catch (error) {
      const problem = problemText(error, m, language);
      notify({ text: [problem.title, problem.cause, problem.nextStep, problem.errorId].filter(Boolean).join(" · ") });
      return false;
    }
  };
}

export function DecideForm({ finding }: { finding: Finding }) {
  const m = useMessages();
  const act = useAct();
  const [status, setStatus] = useState<VexStatus>("not_affected");
  const [scope, setScope] = useState<DecisionScope>("version");
  const [justification, setJustification] = useState<string>(JUSTIFICATIONS[2]);
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const body = {
      finding: finding.id,
      status,
      scope,
      reason,
      ...(status === "not_affected" ? { justification } : {}),
      ...(until ? { until: `${until}T00:00:00Z` } : {}),
    };
    void act(() => post("/api/v1/decisions", body)).then((done) => done && setReason(""));
  };
  return (
    <Panel title={m.finding.decide}>
      <form className="decide" onSubmit={submit}>
        <Choice label={m.finding.status} value={status} all={STATUSES} texts={m.finding.statuses} choose={setStatus} />
        <Choice label={m.finding.scope} value={scope} all={SCOPES} texts={m.finding.scopes} choose={setScope} />
        {status === "not_affected" && (
          <Choice
            label={m.finding.justification}
            value={justification as (typeof JUSTIFICATIONS)[number]}
            all={JUSTIFICATIONS}
            texts={m.finding.justifications}
            choose={setJustification}
          />
        )}
        <label>
          {m.finding.reason}
          <textarea required maxLength={2000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        <label>
          {m.finding.until}
          <input type="date" value={until} onChange={(event) => setUntil(event.target.value)} />
        </label>
        <button type="submit" className="button primary">
          {m.finding.decide}
        </button>
      </form>
    </Panel>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  all: readonly T[];
  texts: Record<T, string>;
  choose: (value: T) => void;
}

function Choice<T extends string>({ label, value, all, texts, choose }: ChoiceProps<T>) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => choose(event.target.value as T)}>
        {all.map((one) => (
          <option key={one} value={one}>
            {texts[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

export function DecisionsPanel({ detail }: { detail: FindingDetail }) {
  const m = useMessages();
  return (
    <Panel title={m.finding.decisions}>
      {detail.decisions.length === 0 && <Empty>{m.finding.decisionsNone}</Empty>}
      <ul className="facts">
        {detail.decisions.map((one) => (
          <DecisionLine key={one.id} decision={one} />
        ))}
      </ul>
    </Panel>
  );
}

function DecisionLine({ decision }: { decision: Decision }) {
  const m = useMessages();
  const act = useAct();
  const undone = decision.undone_by !== undefined;
  const undo = () => void act(() => post("/api/v1/decisions/{id}/undo", undefined, { path: { id: decision.id } }));
  return (
    <li>
      <strong>{m.finding.statuses[decision.status]}</strong> {m.finding.scopes[decision.scope]}{" "}
      {decision.scope === "product" ? "" : decision.of} · {decision.user} · <When time={decision.time} as="brief" />
      <p>{decision.reason}</p>
      <p className="muted">
        {undone ? m.finding.undone(decision.undone_by ?? "") : (decision.not_held ?? m.finding.holds)}
      </p>
      {!undone && (
        <button type="button" className="button" onClick={undo}>
          {m.finding.undo}
        </button>
      )}
    </li>
  );
}

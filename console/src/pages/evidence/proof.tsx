// A record's proof of inclusion: what it claims, and what this browser found when it computed the path itself.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { rawEvidence } from "../../api/client";
import type { Evidence, Proof } from "../../api/types";
import { useMessages, useNumber } from "../../app/settings";
import { toHex } from "../../domain/proof";
import { CopyButton, Hash } from "../../parts/copy";
import { Icon } from "../../parts/icons";
import { Panel } from "../../parts/panel";
import { QueryProblem } from "../../parts/problem";
import { canCheck, InclusionState, sha256, useProof } from "../../parts/proof-state";

export function ProofPanel({ evidence }: { evidence: Evidence }) {
  const m = useMessages();
  const number = useNumber();
  const { proof } = evidence;
  if (!proof) {
    return (
      <Panel title={m.evidence.proof} aside={<InclusionState evidence={evidence} />} className="proof">
        <p className="hint">{m.evidence.notArchivedHelp(number(evidence.archived ?? 0))}</p>
      </Panel>
    );
  }
  return (
    <Panel title={m.evidence.proof} aside={<InclusionState evidence={evidence} />} className="proof">
      <p className="hint">{canCheck() ? m.evidence.proofHelp : m.evidence.cannotCheck}</p>
      {canCheck() && <Checks evidence={evidence} />}
      <dl className="pairs">
        <dt>{m.evidence.treeSize}</dt>
        <dd>{number(proof.tree_size)}</dd>
      </dl>
      <Ladder proof={proof} />
      <h3>
        {m.evidence.checkpoint} <CopyButton text={proof.checkpoint} what={m.evidence.checkpoint} />
      </h3>
      <pre className="note" tabIndex={0} aria-label={m.evidence.checkpoint}>
        {proof.checkpoint}
      </pre>
    </Panel>
  );
}

/** From the root at the top, over the sibling of each level, down to the record's own leaf. */
function Ladder({ proof }: { proof: Proof }) {
  const m = useMessages();
  return (
    <ol className="ladder">
      <li className="end">
        <span>{m.evidence.root}</span>
        <Hash hex={proof.root} what={m.evidence.root} whole="yes" />
      </li>
      {proof.hashes.toReversed().map((hash, i) => (
        <li key={hash}>
          <span>{proof.hashes.length - i}</span>
          <code>{hash}</code>
        </li>
      ))}
      <li className="end">
        <span>{m.evidence.leaf}</span>
        <Hash hex={proof.leaf} what={m.evidence.leaf} whole="yes" />
      </li>
    </ol>
  );
}

function Checks({ evidence }: { evidence: Evidence }) {
  const m = useMessages();
  const { result } = useProof(evidence);
  const [asked, setAsked] = useState(false);
  const raw = useQuery({
    queryKey: ["raw-check", evidence.position, evidence.sha256],
    queryFn: async () => toHex(await sha256(await rawEvidence(evidence.position))) === evidence.sha256.toLowerCase(),
    enabled: asked,
    staleTime: Infinity,
  });
  return (
    <>
      <ul className="checks">
        <Check text={m.evidence.checks.path} holds={result?.path} />
        <Check text={m.evidence.checks.checkpoint} holds={result?.checkpoint} />
        <Check text={m.evidence.checks.raw} holds={raw.data} />
      </ul>
      {!asked && (
        <button type="button" className="button small" onClick={() => setAsked(true)}>
          {m.evidence.checkRaw}
        </button>
      )}
      {raw.isError && <QueryProblem error={raw.error} retry={() => void raw.refetch()} />}
    </>
  );
}

function Check({ text, holds }: { text: string; holds: boolean | undefined }) {
  const m = useMessages();
  const state = holds === undefined ? "pending" : holds ? "holds" : "fails";
  const icons = { pending: "clock", holds: "check", fails: "cross" } as const;
  return (
    <li className={state}>
      <Icon name={icons[state]} />
      <span>{text}</span>
      <strong>{m.evidence.states[state]}</strong>
    </li>
  );
}

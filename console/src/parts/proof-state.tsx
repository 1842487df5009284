// What can be said about a record's evidence: its signature as the server judged it, its place in the log as this browser did.
import { useQuery } from "@tanstack/react-query";
import type { Evidence } from "../api/types";
import { useMessages } from "../app/settings";
import { placeOf } from "../domain/place";
import { checkProof, type ProofResult, type Sha256 } from "../domain/proof";
import { Icon } from "./icons";

export const sha256: Sha256 = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));

/** Whether this browser computes hashes here; it does on HTTPS and on the machine's own address. */
export function canCheck(): boolean {
  return isSecureContext;
}

/** The proof of a record, checked in this browser. */
export function useProof(evidence: Evidence | undefined): { result: ProofResult | undefined; pending: boolean } {
  const query = useQuery({
    queryKey: ["proof", evidence?.position, evidence?.proof?.root],
    queryFn: () => {
      if (!evidence?.proof) throw new Error("no proof to check");
      return checkProof(evidence.proof, placeOf(evidence.position).number, sha256);
    },
    enabled: evidence?.proof !== undefined && canCheck(),
    staleTime: Infinity,
  });
  return { result: query.data, pending: query.isPending };
}

export function SignatureState({ state }: { state: Evidence["signature"] }) {
  const m = useMessages();
  const icon = state === "valid" ? "check" : state === "invalid" ? "cross" : "evidence";
  return (
    <span className={`proof-state ${state}`} title={m.evidence.signatureHelp[state]}>
      <Icon name={icon} />
      {m.evidence.signatures[state]}
    </span>
  );
}

export function InclusionState({ evidence }: { evidence: Evidence }) {
  const m = useMessages();
  const { result } = useProof(evidence);
  if (!evidence.proof) return <span className="proof-state pending">{m.evidence.notArchived}</span>;
  if (!result)
    return <span className="proof-state pending">{canCheck() ? m.evidence.checking : m.evidence.states.pending}</span>;
  const holds = result.path && result.checkpoint;
  return (
    <span
      className={`proof-state ${holds ? "valid" : "invalid"}`}
      title={holds ? m.evidence.checkedHere : m.evidence.mismatch}
    >
      <Icon name={holds ? "check" : "cross"} />
      {holds ? m.evidence.inLog : m.evidence.mismatch}
    </span>
  );
}

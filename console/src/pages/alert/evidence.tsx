// The vault records behind an alert, with the state of their proofs, and how to check them elsewhere.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { rawEvidenceAddress } from "../../api/client";
import { evidenceQuery, isNotCoveredYet } from "../../api/queries";
import type { EvidenceRef } from "../../api/types";
import { useMessages, useNumber } from "../../app/settings";
import { placeName } from "../../domain/place";
import { Hash } from "../../parts/copy";
import { Icon } from "../../parts/icons";
import { Empty, Panel } from "../../parts/panel";
import { InclusionState, SignatureState } from "../../parts/proof-state";
import { VerifyOffline } from "../../parts/verify";
import { When } from "../../parts/when";

/** Records whose proof is asked for at once; the others on demand. */
const SHOWN_AT_FIRST = 4;

export function EvidencePanel({ evidence }: { evidence: EvidenceRef[] }) {
  const m = useMessages();
  const number = useNumber();
  const [all, setAll] = useState(false);
  const shown = all ? evidence : evidence.slice(0, SHOWN_AT_FIRST);
  return (
    <Panel title={m.alert.evidence} aside={number(evidence.length)} className="evidence-panel">
      {evidence.length === 0 && <Empty>{m.alert.evidenceNone}</Empty>}
      <ul className="records">
        {shown.map((ref) => (
          <RecordLine key={ref.position} reference={ref} />
        ))}
      </ul>
      {shown.length < evidence.length && (
        <button type="button" className="button small" onClick={() => setAll(true)}>
          {`${m.status.all} (${number(evidence.length)})`}
        </button>
      )}
      <VerifyOffline />
    </Panel>
  );
}

function RecordLine({ reference }: { reference: EvidenceRef }) {
  const m = useMessages();
  const number = useNumber();
  const { data, error } = useQuery(evidenceQuery(reference.position));
  return (
    <li>
      <div>
        <Link to="/evidence/$position" params={{ position: String(reference.position) }}>
          {m.evidence.record(placeName(reference.position, number))}
        </Link>
        <When time={reference.received_time} as="brief" />
        <a
          className="button ghost icon"
          href={rawEvidenceAddress(reference.position)}
          download={`record-${reference.position}.bin`}
          aria-label={m.actions.download}
          title={m.actions.download}
        >
          <Icon name="download" />
        </a>
      </div>
      <div>
        <Hash hex={reference.sha256} what={m.evidence.sha256} />
        {data && <SignatureState state={data.signature} />}
        {data && <InclusionState evidence={data} />}
        {error && (
          <span className="proof-state pending">
            {isNotCoveredYet(error) ? m.evidence.notCovered : m.evidence.states.pending}
          </span>
        )}
      </div>
    </li>
  );
}

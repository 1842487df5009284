// The evidence log: one record by its position, with its proof; and the way to a record.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useRef, useState, type SyntheticEvent } from "react";
import { rawEvidenceAddress } from "../api/client";
import { evidenceQuery, overviewQuery } from "../api/queries";
import type { Evidence } from "../api/types";
import { placeName, placeOf, positionOf } from "../domain/place";
import { useKeys } from "../app/keys";
import { Page } from "../app/page";
import { useMessages, useNumber } from "../app/settings";
import { CopyLink, Hash } from "../parts/copy";
import { Icon } from "../parts/icons";
import { Empty, Loading, Panel } from "../parts/panel";
import { ProblemView, QueryProblem } from "../parts/problem";
import { SignatureState } from "../parts/proof-state";
import { VerifyOffline } from "../parts/verify";
import { When } from "../parts/when";
import { ProofPanel } from "./evidence/proof";
import "../styles/evidence.css";

const route = getRouteApi("/shell/evidence/$position");

/** A position in the vault, or undefined if the text is none: a number, or what the console calls a record, `p5 · 17`. */
export function positionIn(text: string): number | undefined {
  const named = /^p(\d+)[\s·/:]+([\d,]+)$/.exec(text);
  if (named) return positionOf({ partition: Number(named[1]), number: Number(named[2]?.replaceAll(",", "")) });
  const value = Number(text.replace(/[,\s]/g, ""));
  return /^[\d,\s]+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

/** The last record that is known to be there: that of the proven tree. Unknown without a proof. */
function lastOf(evidence: Evidence): number | undefined {
  return evidence.proof
    ? evidence.position - placeOf(evidence.position).number + evidence.proof.tree_size - 1
    : undefined;
}

export function EvidenceIndexPage() {
  const m = useMessages();
  const number = useNumber();
  const overview = useQuery(overviewQuery);
  const size = overview.data?.vault.size;
  return (
    <Page title={m.evidence.title}>
      <div className="evidence-index">
        <Panel title={m.evidence.title}>
          <p>{m.evidence.lead}</p>
          <PositionForm />
          {overview.isError && <QueryProblem error={overview.error} retry={() => void overview.refetch()} />}
          {size === 0 && <Empty>{m.evidence.empty}</Empty>}
          {size !== undefined && size > 0 && (
            <dl className="pairs">
              <dt>{m.overview.records}</dt>
              <dd>{number(size)}</dd>
              {overview.data?.vault.partitions === 1 && (
                <>
                  <dt>{m.evidence.newest}</dt>
                  <dd>
                    <Link to="/evidence/$position" params={{ position: String(size - 1) }}>
                      {m.evidence.record(number(size - 1))}
                    </Link>
                  </dd>
                  <dt>{m.overview.checkpoint}</dt>
                  <dd>
                    {overview.data.vault.checkpoint_time ? (
                      <When time={overview.data.vault.checkpoint_time} as="full" />
                    ) : (
                      m.time.never
                    )}
                  </dd>
                </>
              )}
              {(overview.data?.vault.partitions ?? 1) > 1 && (
                <>
                  <dt>{m.overview.partitions}</dt>
                  <dd>{number(overview.data?.vault.partitions ?? 1)}</dd>
                </>
              )}
              <dt>{m.overview.origin}</dt>
              <dd>
                <code>{overview.data?.vault.origin}</code>
              </dd>
            </dl>
          )}
          <VerifyOffline />
        </Panel>
      </div>
    </Page>
  );
}

function PositionForm() {
  const m = useMessages();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [bad, setBad] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  useKeys("page", [{ keys: "/", does: m.evidence.position, run: () => box.current?.focus() }]);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const position = positionIn(text.trim());
    setBad(position === undefined);
    if (position !== undefined) void navigate({ to: "/evidence/$position", params: { position: String(position) } });
  };
  return (
    <form className="position-form" onSubmit={submit}>
      <label htmlFor="position">{m.evidence.position}</label>
      <input
        id="position"
        ref={box}
        type="text"
        inputMode="numeric"
        value={text}
        aria-invalid={bad}
        aria-describedby={bad ? "position-bad" : undefined}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="button primary">
        {m.evidence.show}
      </button>
      {bad && (
        <p id="position-bad" className="bad">
          {m.evidence.badPosition}
        </p>
      )}
    </form>
  );
}

export function EvidencePage() {
  const m = useMessages();
  const number = useNumber();
  const { position: text } = route.useParams();
  const position = positionIn(text);
  const title = m.evidence.record(position === undefined ? text : placeName(position, number));
  return (
    <Page title={title} above={<Link to="/evidence">{m.evidence.title}</Link>} actions={<CopyLink />}>
      {position === undefined ? (
        <ProblemView
          problem={{ title: m.errors.titles.notFound, cause: m.evidence.badPosition, nextStep: m.evidence.lead }}
        />
      ) : (
        <RecordView position={position} />
      )}
    </Page>
  );
}

function RecordView({ position }: { position: number }) {
  const m = useMessages();
  const navigate = useNavigate();
  const query = useQuery(evidenceQuery(position));
  const go = (to: number) => void navigate({ to: "/evidence/$position", params: { position: String(to) } });
  const last = query.data ? lastOf(query.data) : undefined;
  useKeys("page", [
    { keys: "j", does: m.evidence.next, run: () => (last === undefined || position < last) && go(position + 1) },
    { keys: "k", does: m.evidence.previous, run: () => placeOf(position).number > 0 && go(position - 1) },
  ]);
  if (query.isError) return <QueryProblem error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading lines={10} />;
  return (
    <div className="evidence-page">
      <div>
        <RecordPanel evidence={query.data} />
        <Panel title={m.alert.verify} className="offline">
          <VerifyOffline />
        </Panel>
      </div>
      <ProofPanel key={position} evidence={query.data} />
    </div>
  );
}

function RecordPanel({ evidence }: { evidence: Evidence }) {
  const m = useMessages();
  const ways = (
    <>
      <Link
        to="/evidence/$position"
        params={{ position: String(Math.max(0, evidence.position - 1)) }}
        className="button ghost icon"
        aria-label={m.evidence.previous}
        title={`${m.evidence.previous} (k)`}
        disabled={placeOf(evidence.position).number === 0}
      >
        <Icon name="back" />
      </Link>
      <Link
        to="/evidence/$position"
        params={{ position: String(evidence.position + 1) }}
        className="button ghost icon"
        aria-label={m.evidence.next}
        title={`${m.evidence.next} (j)`}
        disabled={evidence.position >= (lastOf(evidence) ?? Infinity)}
      >
        <Icon name="forward" />
      </Link>
      <a className="button" href={rawEvidenceAddress(evidence.position)} download={`record-${evidence.position}.bin`}>
        <Icon name="download" />
        {m.actions.download}
      </a>
    </>
  );
  return (
    <Panel title={m.evidence.kinds[evidence.kind]} aside={ways} className="record">
      <dl className="pairs">
        <dt>{m.evidence.received}</dt>
        <dd>
          <When time={evidence.received_time} as="full" />
        </dd>
        <dt>{m.evidence.device}</dt>
        <dd>{evidence.device === undefined ? m.shared.none : <DeviceName device={evidence.device} />}</dd>
        <dt>{m.evidence.size}</dt>
        <dd>{m.evidence.bytes(evidence.size)}</dd>
        <dt>{m.evidence.sha256}</dt>
        <dd>
          <Hash hex={evidence.sha256} what={m.evidence.sha256} whole="yes" />
        </dd>
        <dt>{m.evidence.signature}</dt>
        <dd>
          <SignatureState state={evidence.signature} />
          <p className="hint">{m.evidence.signatureHelp[evidence.signature]}</p>
        </dd>
      </dl>
      {evidence.report && <ReportHeader report={evidence.report} />}
    </Panel>
  );
}

/** `tenant/vehicle/sensor`, with the way to the vehicle. */
function DeviceName({ device }: { device: string }) {
  const vehicle = device.split("/")[1];
  return (
    <span className="mono">
      {vehicle ? (
        <Link to="/vehicles/$vehicle" params={{ vehicle }}>
          {device}
        </Link>
      ) : (
        device
      )}
    </span>
  );
}

function ReportHeader({ report }: { report: NonNullable<Evidence["report"]> }) {
  const m = useMessages();
  const number = useNumber();
  const kinds = (["events", "frames", "excerpts", "reports"] as const).filter((kind) => report.losses[kind] > 0);
  return (
    <>
      <h3>{m.evidence.report}</h3>
      <dl className="pairs">
        <dt>{`${m.evidence.boot} / ${m.evidence.sequence}`}</dt>
        <dd>{`${number(report.boot)} / ${number(report.sequence)}`}</dd>
        <dt>{m.evidence.covers}</dt>
        <dd>
          <When time={report.first} as="full" />
          <br />
          <When time={report.last} as="full" />
        </dd>
        <dt>{m.evidence.uncertainty}</dt>
        <dd>{`± ${number(report.clock_uncertainty_us / 1000, 3)} ms`}</dd>
        <dt>{m.evidence.losses}</dt>
        <dd>
          {kinds.length === 0
            ? m.vehicle.none
            : kinds.map((kind) => `${number(report.losses[kind])} ${m.vehicle.lossKinds[kind]}`).join(", ")}
        </dd>
        <dt>{m.evidence.previousReport}</dt>
        <dd>
          <Hash hex={report.previous} what={m.evidence.previousReport} whole="yes" />
        </dd>
      </dl>
    </>
  );
}

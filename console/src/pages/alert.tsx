// One alert: why it fired in words, what matched, the frames around it, the evidence and its proof, and what to do.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { alertQuery } from "../api/queries";
import type { Alert, AlertDetail } from "../api/types";
import { useLiveAlerts } from "../app/live";
import { useKeys } from "../app/keys";
import { Page } from "../app/page";
import { useMessages, usePick } from "../app/settings";
import { millisOf, spanOf } from "../domain/time";
import { CopyLink } from "../parts/copy";
import { Icon } from "../parts/icons";
import { IncidentLinks } from "../parts/incident-links";
import { SeverityLabel, StatusLabel } from "../parts/labels";
import { Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";
import { EvidencePanel } from "./alert/evidence";
import { EventsPanel } from "./alert/events";
import { FramesPanel } from "./alert/frames";
import { RulePanel } from "./alert/rule";
import { HistoryPanel, VehiclePanel } from "./alert/side";
import { CloseAs, closeKeys, type Wish } from "./alerts/close-as";
import { useSetStatus } from "./alerts/set-status";
import "../styles/alert.css";
import "../styles/incident.css";

const route = getRouteApi("/shell/alerts/$id");

export function AlertPage() {
  const m = useMessages();
  const pick = usePick();
  const { id } = route.useParams();
  const query = useQuery(alertQuery(id));
  useLiveAlerts((batch) => batch.has(id) && void query.refetch({ cancelRefetch: false }));
  const detail = query.data;
  const title = detail ? pick(detail.alert.title) : m.alert.title;
  return (
    <Page
      title={title}
      above={<Link to="/alerts">{m.alerts.title}</Link>}
      beside={detail && <StatusLabel status={detail.alert.status} />}
      actions={<CopyLink />}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {detail && <AlertView detail={detail} />}
    </Page>
  );
}

function AlertView({ detail }: { detail: AlertDetail }) {
  const m = useMessages();
  return (
    <div className="alert-page">
      <AlertStrip alert={detail.alert} />
      <div className="main-column">
        <WhyPanel detail={detail} />
        <FramesPanel alertId={detail.alert.id} />
        <EventsPanel detail={detail} />
      </div>
      <div className="side-column">
        <IncidentLinks title={m.incident.ofAlert} none={m.incident.ofAlertNone} incidents={detail.incidents} />
        <VehiclePanel detail={detail} />
        <EvidencePanel evidence={detail.evidence} />
        <RulePanel rule={detail.rule} matched={detail.matched} />
        <HistoryPanel history={detail.history} />
      </div>
    </div>
  );
}

/** The facts in one line, and what can be done. */
function AlertStrip({ alert }: { alert: Alert }) {
  const m = useMessages();
  const [note, setNote] = useState("");
  const setStatus = useSetStatus();
  const change = (wish: Wish) => {
    setStatus([alert], wish, note.trim());
    setNote("");
  };
  useKeys("page", [
    { keys: "a", does: m.keys.acknowledge, run: () => change({ status: "acknowledged" }) },
    ...closeKeys(m, change),
  ]);
  const span = spanOf(millisOf(alert.last_time) - millisOf(alert.first_time));
  return (
    <div className={`alert-strip ${alert.severity}`}>
      <SeverityLabel severity={alert.severity} />
      {alert.technique && <span className="mono">{alert.technique}</span>}
      <span>{m.alert.happened(m.alert.hitCount(alert.count), m.time[span.unit](span.value))}</span>
      <span className="span-times">
        <When time={alert.first_time} as="brief" /> – <When time={alert.last_time} as="brief" />
      </span>
      {alert.late && (
        <span className="muted">
          {m.alert.late} <When time={alert.late} as="brief" />
        </span>
      )}
      <span className="grow" />
      <input
        type="text"
        value={note}
        maxLength={2000}
        aria-label={m.actions.addNote}
        placeholder={m.actions.addNote}
        onChange={(event) => setNote(event.target.value)}
      />
      {alert.status !== "open" && (
        <button type="button" className="button" onClick={() => change({ status: "open" })}>
          {m.actions.reopen}
        </button>
      )}
      {alert.status === "open" && (
        <button type="button" className="button primary" onClick={() => change({ status: "acknowledged" })}>
          <Icon name="check" />
          {m.actions.acknowledge} <kbd>a</kbd>
        </button>
      )}
      {alert.disposition && <span className="disposition">{m.dispositions[alert.disposition]}</span>}
      {alert.status !== "closed" && <CloseAs close={change} />}
    </div>
  );
}

function WhyPanel({ detail }: { detail: AlertDetail }) {
  const m = useMessages();
  const pick = usePick();
  return (
    <Panel title={m.alert.why} className="why">
      <p className="why-words">{pick(detail.why)}</p>
      <div className="why-split">
        <div>
          <h3>{m.alert.whatToDo}</h3>
          <p>{pick(detail.what_to_do)}</p>
        </div>
        <div>
          <h3>{m.alert.matched}</h3>
          <dl className="matched">
            {detail.matched.map((pair) => (
              <div key={`${pair.field} ${pair.value}`}>
                <dt>{pair.field}</dt>
                <dd>{pair.value}</dd>
              </div>
            ))}
          </dl>
          <h3>{m.alert.grouped}</h3>
          <dl className="matched">
            {detail.group.map((pair) => (
              <div key={pair.field}>
                <dt>{pair.field}</dt>
                <dd>{pair.value}</dd>
              </div>
            ))}
          </dl>
        </div>
      </div>
    </Panel>
  );
}

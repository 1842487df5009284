// One incident: its score with every reason, what happened along the tactics, the vehicles, the alerts, and what people did.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { incidentQuery } from "../api/queries";
import type { AlertStatus, Incident, IncidentDetail } from "../api/types";
import { useKeys } from "../app/keys";
import { useLiveIncidents } from "../app/live";
import { Page } from "../app/page";
import { useMessages, usePick } from "../app/settings";
import { CopyLink } from "../parts/copy";
import { Icon } from "../parts/icons";
import { IncidentLinks } from "../parts/incident-links";
import { SeverityLabel, StatusLabel } from "../parts/labels";
import { Loading, Panel } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { Score } from "../parts/score";
import { When } from "../parts/when";
import { HistoryPanel } from "./alert/side";
import { useSetIncidentStatus } from "./incident/set-status";
import { AlertsPanel, EntitiesPanel, VehiclesPanel } from "./incident/side";
import { StoryPanel } from "./incident/story";
import "../styles/alert.css";
import "../styles/incident.css";
import "../styles/overview.css";

const route = getRouteApi("/shell/incidents/$id");

export function IncidentPage() {
  const m = useMessages();
  const pick = usePick();
  const { id } = route.useParams();
  const query = useQuery(incidentQuery(id));
  const detail = query.data;
  const shown = detail?.incident.id;
  useLiveIncidents((batch) => shown !== undefined && batch.has(shown) && void query.refetch({ cancelRefetch: false }));
  return (
    <Page
      title={detail ? pick(detail.incident.title) : m.incident.title}
      above={<Link to="/incidents">{m.incidents.title}</Link>}
      beside={detail && <StatusLabel status={detail.incident.status} />}
      actions={<CopyLink />}
    >
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {detail && (
        <div className="alert-page">
          <IncidentStrip incident={detail.incident} />
          <div className="main-column">
            <ScorePanel detail={detail} />
            <StoryPanel story={detail.story} />
            <AlertsPanel detail={detail} />
          </div>
          <div className="side-column">
            <VehiclesPanel detail={detail} />
            <EntitiesPanel entities={detail.entities} />
            <IncidentLinks title={m.incident.related} none={m.incident.relatedNone} incidents={detail.related} />
            <HistoryPanel history={detail.history} />
          </div>
        </div>
      )}
    </Page>
  );
}

/** The facts in one line, and what can be done. */
function IncidentStrip({ incident }: { incident: Incident }) {
  const m = useMessages();
  const [note, setNote] = useState("");
  const setStatus = useSetIncidentStatus();
  const change = (status: AlertStatus) => {
    setStatus(incident, status, note.trim());
    setNote("");
  };
  useKeys("page", [
    { keys: "a", does: m.keys.acknowledge, run: () => change("acknowledged") },
    { keys: "e", does: m.keys.close, run: () => change("closed") },
  ]);
  return (
    <div className={`alert-strip ${incident.severity}`}>
      <Score incident={incident} />
      <SeverityLabel severity={incident.severity} />
      <span>{m.incident.kinds[incident.kind]}</span>
      <span>{m.incident.alertCount(incident.alert_count)}</span>
      <span className="span-times">
        <When time={incident.first_time} as="brief" /> – <When time={incident.last_time} as="brief" />
      </span>
      <span className="grow" />
      <input
        type="text"
        value={note}
        maxLength={2000}
        aria-label={m.actions.addNote}
        placeholder={m.actions.addNote}
        onChange={(event) => setNote(event.target.value)}
      />
      {incident.status !== "open" && (
        <button type="button" className="button" onClick={() => change("open")}>
          {m.actions.reopen}
        </button>
      )}
      {incident.status === "open" && (
        <button type="button" className="button primary" onClick={() => change("acknowledged")}>
          <Icon name="check" />
          {m.actions.acknowledge} <kbd>a</kbd>
        </button>
      )}
      {incident.status !== "closed" && (
        <button type="button" className="button" onClick={() => change("closed")}>
          {m.actions.close} <kbd>e</kbd>
        </button>
      )}
    </div>
  );
}

function ScorePanel({ detail }: { detail: IncidentDetail }) {
  const m = useMessages();
  const pick = usePick();
  const names: Partial<Record<string, string>> = m.incident.parts;
  return (
    <Panel title={m.incident.score(detail.incident.score)} className="score-parts">
      {detail.parts.map((part) => (
        <div key={part.part} className="score-part">
          <div className="score-head">
            <h3>{names[part.part] ?? part.part}</h3>
            <span>{m.incident.pointsOf(part.points, part.most)}</span>
            <progress max={part.most} value={part.points} aria-label={names[part.part] ?? part.part} />
          </div>
          <ul>
            {part.reasons.map((reason) => (
              <li key={reason.text.en}>
                <span className="points">{m.incident.points(reason.points)}</span>
                {pick(reason.text)}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </Panel>
  );
}

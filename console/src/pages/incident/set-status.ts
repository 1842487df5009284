// Changes the status of an incident, and offers to undo it. If the server refuses, the refusal is shown.
import { useQueryClient } from "@tanstack/react-query";
import { post } from "../../api/client";
import { incidentQuery } from "../../api/queries";
import type { AlertStatus, Incident, IncidentDetail } from "../../api/types";
import { useMessages, useSettings } from "../../app/settings";
import { useNotice } from "../../app/undo";
import { problemText } from "../../parts/problem";

/** Sets the status of an incident, with an undo. The server's answer comes back as a live change, also to lists. */
export function useSetIncidentStatus(): (incident: Incident, status: AlertStatus, note?: string) => void {
  const m = useMessages();
  const { language } = useSettings();
  const queries = useQueryClient();
  const notify = useNotice();
  const set = async (incident: Incident, status: AlertStatus, note?: string) => {
    try {
      const body = { status, ...(note ? { note } : {}) };
      const now = await post("/api/v1/incidents/{id}/status", body, { path: { id: incident.id } });
      const { queryKey } = incidentQuery(incident.id);
      queries.setQueryData<IncidentDetail>(queryKey, (detail) => detail && { ...detail, incident: now });
      void queries.invalidateQueries({ queryKey });
      void queries.invalidateQueries({ queryKey: ["gravest-incidents"] });
      void queries.invalidateQueries({ queryKey: ["overview"] });
      return true;
    } catch (error) {
      const problem = problemText(error, m, language);
      notify({ text: [problem.title, problem.cause, problem.nextStep, problem.errorId].filter(Boolean).join(" · ") });
      return false;
    }
  };
  return (incident, status, note) => {
    if (incident.status === status) return;
    const undo = () => void set(incident, incident.status).then((done) => done && notify({ text: m.alerts.undone }));
    void set(incident, status, note).then((done) => done && notify({ text: m.incident.changed[status], undo }));
  };
}

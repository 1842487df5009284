// Changes the status of alerts at once on screen, tells the server, and offers to undo it.
// If the server refuses, the screen goes back to what it was and the refusal is shown.
import { useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { post } from "../../api/client";
import { alertQuery } from "../../api/queries";
import type { Alert, AlertDetail, AlertPage } from "../../api/types";
import { useMessages, useSettings } from "../../app/settings";
import { useNotice } from "../../app/undo";
import { problemText } from "../../parts/problem";
import type { Wish } from "./close-as";
import { patched } from "./list";

function show(queries: QueryClient, alerts: Alert[]) {
  const batch = new Map(alerts.map((alert) => [alert.id, alert]));
  queries.setQueriesData<InfiniteData<AlertPage>>({ queryKey: ["alerts"] }, (data) => patched(data, batch));
  for (const alert of alerts) {
    queries.setQueryData<AlertDetail>(alertQuery(alert.id).queryKey, (detail) => detail && { ...detail, alert });
  }
}

/** Where an alert stands, as a wish that brings it back there. */
function standing({ status, disposition }: Alert): Wish {
  return status === "closed" ? { status, disposition: disposition ?? "insufficient_data" } : { status };
}

/** An alert as it will stand. */
function wished(alert: Alert, wish: Wish): Alert {
  const next = { ...alert, ...wish };
  if (wish.status !== "closed") delete next.disposition;
  return next;
}

async function tell(alerts: Alert[], wishFor: (alert: Alert) => Wish, note?: string): Promise<Alert[]> {
  const set = (alert: Alert) =>
    post("/api/v1/alerts/{id}/status", { ...wishFor(alert), ...(note ? { note } : {}) }, { path: { id: alert.id } });
  return Promise.all(alerts.map(set));
}

/** Sets the status of alerts, with an undo. */
export function useSetStatus(): (alerts: Alert[], wish: Wish, note?: string) => void {
  const m = useMessages();
  const { language } = useSettings();
  const queries = useQueryClient();
  const notify = useNotice();

  const failed = (before: Alert[], error: unknown) => {
    show(queries, before);
    const problem = problemText(error, m, language);
    notify({ text: [problem.title, problem.cause, problem.nextStep, problem.errorId].filter(Boolean).join(" · ") });
  };
  const settle = (alerts: Alert[]) => {
    show(queries, alerts);
    for (const { id } of alerts) void queries.invalidateQueries({ queryKey: alertQuery(id).queryKey });
    void queries.invalidateQueries({ queryKey: ["newest-alerts"] });
    void queries.invalidateQueries({ queryKey: ["overview"] });
  };

  return (alerts, wish, note) => {
    const before = alerts.filter((alert) => alert.status !== wish.status);
    if (before.length === 0) return;
    const undo = () => {
      show(queries, before);
      tell(before, standing).then(settle, (error: unknown) => failed(alerts, error));
      notify({ text: m.alerts.undone });
    };
    show(
      queries,
      before.map((alert) => wished(alert, wish)),
    );
    tell(before, () => wish, note).then(settle, (error: unknown) => failed(before, error));
    notify({ text: m.alerts.changed[wish.status](before.length), undo });
  };
}

// The shared stream for the pages: its state, and its alerts.
// What was missed while the connection was lost is asked for again when it is back.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useEffectEvent, useState, useSyncExternalStore, type ReactNode } from "react";
import { LiveFeed, type AlertBatch, type IncidentBatch, type LiveState } from "../api/live";
import { get } from "../api/client";
import { ALERTS_PAGE, meQuery } from "../api/queries";

const LiveContext = createContext<LiveFeed | undefined>(undefined);

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [feed] = useState(() => {
    const made: LiveFeed = new LiveFeed(() => void catchUp(queries, made));
    return made;
  });
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  const { status } = useSyncExternalStore(feed.watch, feed.state);
  useEffect(() => {
    // A stream that ends may mean that the session did: asking who we are leads to the sign-in page then.
    if (status === "lost") void queries.invalidateQueries({ queryKey: meQuery.queryKey });
  }, [status, queries]);
  return <LiveContext value={feed}>{children}</LiveContext>;
}

/** Asks for what went by unseen. The alert list is not asked anew, so that its rows stay: it gets the newest alerts as news. */
async function catchUp(queries: QueryClient, feed: LiveFeed) {
  void queries.invalidateQueries({
    predicate: (query) => query.queryKey[0] !== "alerts" && query.queryKey[0] !== "incidents",
  });
  try {
    const { alerts } = await get("/api/v1/alerts", { query: { limit: ALERTS_PAGE } });
    feed.deliver(alerts);
  } catch {
    // The connection is gone again; the next recovery asks again.
  }
}

const nothing = () => () => undefined;
const idle: LiveState = { status: "connecting" };

/** The state of the stream; before sign-in there is none. */
export function useLive(): LiveState {
  const feed = use(LiveContext);
  return useSyncExternalStore(feed?.watch ?? nothing, feed?.state ?? (() => idle));
}

/** Calls `handle` with every batch of live incidents. */
export function useLiveIncidents(handle: (batch: IncidentBatch) => void) {
  const feed = use(LiveContext);
  const onBatch = useEffectEvent(handle);
  useEffect(() => feed?.watchIncidents((batch) => onBatch(batch)), [feed]);
}

/** Calls `handle` with every batch of live alerts. */
export function useLiveAlerts(handle: (batch: AlertBatch) => void) {
  const feed = use(LiveContext);
  const onBatch = useEffectEvent(handle);
  useEffect(() => feed?.watchAlerts((batch) => onBatch(batch)), [feed]);
}

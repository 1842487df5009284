// The shared stream for the pages: its state, and its alerts.
// What was missed while the connection was lost is asked for again when it is back.
import { useQueryClient } from "@tanstack/react-query";
import { createContext, use, useEffect, useEffectEvent, useState, useSyncExternalStore, type ReactNode } from "react";
import { LiveFeed, type AlertBatch, type LiveState } from "../api/live";
import { meQuery } from "../api/queries";

const LiveContext = createContext<LiveFeed | undefined>(undefined);

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [feed] = useState(
    () =>
      new LiveFeed(() => {
        void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "alerts" });
      }),
  );
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

const nothing = () => () => undefined;
const idle: LiveState = { status: "connecting" };

/** The state of the stream; before sign-in there is none. */
export function useLive(): LiveState {
  const feed = use(LiveContext);
  return useSyncExternalStore(feed?.watch ?? nothing, feed?.state ?? (() => idle));
}

/** Calls `handle` with every batch of live alerts. */
export function useLiveAlerts(handle: (batch: AlertBatch) => void) {
  const feed = use(LiveContext);
  const onBatch = useEffectEvent(handle);
  useEffect(() => feed?.watchAlerts((batch) => onBatch(batch)), [feed]);
}

// The alerts of a filter, page by page, with live changes put in place and new ones kept waiting.
import { useInfiniteQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { alertsQuery } from "../../api/queries";
import type { Alert, AlertPage } from "../../api/types";
import { useLiveAlerts } from "../../app/live";
import { collectWaiting, hasStatus, matches, patchInPlace, type AlertFilter } from "../../domain/alert-list";

export interface AlertListState {
  rows: Alert[];
  /** Alerts asked for, before words narrowed them down. */
  loaded: number;
  /** How many new ones wait above. */
  waiting: number;
  more: boolean;
  loading: boolean;
  loadingMore: boolean;
  error: unknown;
  loadMore: () => void;
  showFresh: () => void;
}

/** With a filter that is applied here, pages are loaded until this many rows match … */
const ROWS_WANTED = 50;
/** … or this many were looked at. */
const LOOKED_AT_MAX = 4000;

const NONE: ReadonlySet<string> = new Set();

export function useAlertList(filter: AlertFilter): AlertListState {
  const queries = useQueryClient();
  const options = alertsQuery(filter);
  const query = useInfiniteQuery(options);
  const key = options.queryKey;
  const [waiting, setWaiting] = useState<{ of: string; ids: ReadonlySet<string> }>({ of: "", ids: NONE });
  const of = JSON.stringify(filter);
  const waitingIds = waiting.of === of ? waiting.ids : NONE;

  const all = useMemo(() => query.data?.pages.flatMap((page) => page.alerts) ?? [], [query.data]);
  const rows = useRows(all, filter, of);

  useLiveAlerts((batch) => {
    queries.setQueriesData<InfiniteData<AlertPage>>({ queryKey: ["alerts"] }, (data) => patched(data, batch));
    const loaded = new Set(all.map((alert) => alert.id));
    setWaiting({ of, ids: collectWaiting(waitingIds, loaded, batch.values(), filter) });
  });

  const { hasNextPage, isFetching, fetchNextPage } = query;
  const short = rows.length < ROWS_WANTED && all.length < LOOKED_AT_MAX;
  useEffect(() => {
    if (short && hasNextPage && !isFetching) void fetchNextPage();
  }, [short, hasNextPage, isFetching, fetchNextPage]);

  const showFresh = () => {
    setWaiting({ of, ids: NONE });
    void queries.resetQueries({ queryKey: key, exact: true });
  };
  return {
    rows,
    loaded: all.length,
    waiting: waitingIds.size,
    more: hasNextPage,
    loading: query.isPending,
    loadingMore: query.isFetchingNextPage,
    error: query.error,
    loadMore: () => void fetchNextPage(),
    showFresh,
  };
}

/** Puts newer alerts into the loaded pages without moving any. */
export function patched(
  data: InfiniteData<AlertPage> | undefined,
  batch: ReadonlyMap<string, Alert>,
): InfiniteData<AlertPage> | undefined {
  if (!data) return data;
  const pages = data.pages.map((page) => {
    const alerts = patchInPlace(page.alerts, batch);
    return alerts === page.alerts ? page : { ...page, alerts };
  });
  return pages.some((page, i) => page !== data.pages[i]) ? { ...data, pages } : data;
}

/** The rows to show. A row once shown stays until the list is asked anew, even if it left the filter by its new status. */
function useRows(all: Alert[], filter: AlertFilter, of: string): Alert[] {
  const [shown, setShown] = useState<{ of: string; ids: ReadonlySet<string> }>({ of, ids: NONE });
  const rows = useMemo(() => {
    // The server has applied the rest, and knows more of fleet-wide alerts: one has no vehicle but concerns several.
    const anyStatus: AlertFilter = { status: "all", words: filter.words };
    const stays = shown.of === of ? shown.ids : NONE;
    return all.filter((alert) => matches(alert, anyStatus) && (hasStatus(alert, filter.status) || stays.has(alert.id)));
  }, [all, filter, shown, of]);
  const forget = shown.of !== of || (all.length === 0 && shown.ids.size > 0);
  if (forget) setShown({ of, ids: NONE });
  else if (rows.some((row) => !shown.ids.has(row.id))) {
    setShown({ of, ids: new Set([...shown.ids, ...rows.map((row) => row.id)]) });
  }
  return rows;
}

// What the pages ask of the API, as TanStack queries: one place for keys, freshness and invalidation.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { AlertFilter } from "../domain/alert-list";
import type { IncidentsSearch } from "../app/search";
import type { FindingState } from "./types";
import { ApiError, get } from "./client";

/** Rows of one page of the alert list. */
export const ALERTS_PAGE = 200;

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => get("/api/v1/me", { signal }),
  staleTime: Infinity,
});

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => get("/api/v1/overview", { signal }),
  refetchInterval: 5000,
});

export const catalogueQuery = queryOptions({
  queryKey: ["catalogue"],
  queryFn: ({ signal }) => get("/api/v1/catalogue", { signal }),
  staleTime: Infinity,
});

/** The rules that are active, counted over thirty days. */
export const rulesQuery = queryOptions({
  queryKey: ["rules"],
  queryFn: ({ signal }) => get("/api/v1/rules", { signal }),
  refetchInterval: 30_000,
});

/** Alerts page by page, newest first. Never asked again by itself: rows must not move under the pointer. */
export function alertsQuery(filter: Omit<AlertFilter, "words">) {
  const status = filter.status === "unresolved" || filter.status === "all" ? undefined : filter.status;
  return infiniteQueryOptions({
    queryKey: ["alerts", filter.status, filter.severity, filter.vehicle, filter.rule],
    queryFn: ({ signal, pageParam }) =>
      get("/api/v1/alerts", {
        signal,
        query: {
          status,
          severity: filter.severity,
          vehicle: filter.vehicle,
          rule: filter.rule,
          limit: ALERTS_PAGE,
          cursor: pageParam,
        },
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}

/** The newest alerts, for the overview. */
export function newestAlertsQuery(limit: number) {
  return queryOptions({
    queryKey: ["newest-alerts", limit],
    queryFn: ({ signal }) => get("/api/v1/alerts", { signal, query: { limit } }),
  });
}

export function alertQuery(id: string) {
  return queryOptions({
    queryKey: ["alert", id],
    queryFn: ({ signal }) => get("/api/v1/alerts/{id}", { signal, path: { id } }),
  });
}

/** Incidents page by page. Never asked again by itself: rows must not move under the pointer. */
export function incidentsQuery(filter: IncidentsSearch) {
  return infiniteQueryOptions({
    queryKey: ["incidents", filter.status, filter.severity, filter.vehicle, filter.sort],
    queryFn: ({ signal, pageParam }) =>
      get("/api/v1/incidents", { signal, query: { ...filter, limit: ALERTS_PAGE, cursor: pageParam } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}

/** The gravest open incidents, for the overview. */
export function gravestIncidentsQuery(limit: number) {
  return queryOptions({
    queryKey: ["gravest-incidents", limit],
    queryFn: ({ signal }) => get("/api/v1/incidents", { signal, query: { limit, status: "open" } }),
  });
}

export function incidentQuery(id: string) {
  return queryOptions({
    queryKey: ["incident", id],
    queryFn: ({ signal }) => get("/api/v1/incidents/{id}", { signal, path: { id } }),
  });
}

export function framesQuery(id: string) {
  return queryOptions({
    queryKey: ["frames", id],
    queryFn: ({ signal }) => get("/api/v1/alerts/{id}/frames", { signal, path: { id } }),
    staleTime: 60_000,
  });
}

export const vehiclesQuery = queryOptions({
  queryKey: ["vehicles"],
  queryFn: ({ signal }) => get("/api/v1/vehicles", { signal }),
  refetchInterval: 10_000,
});

export function vehicleQuery(vehicle: string) {
  return queryOptions({
    queryKey: ["vehicle", vehicle],
    queryFn: ({ signal }) => get("/api/v1/vehicles/{vehicle}", { signal, path: { vehicle } }),
    refetchInterval: 10_000,
  });
}

export function timelineQuery(vehicle: string, from: string, to: string) {
  return queryOptions({
    queryKey: ["timeline", vehicle, from, to],
    queryFn: ({ signal }) =>
      get("/api/v1/vehicles/{vehicle}/timeline", { signal, path: { vehicle }, query: { from, to } }),
    staleTime: 30_000,
  });
}

/** The record is safe in the vault, but no signed checkpoint covers it yet. */
export function isNotCoveredYet(error: unknown): boolean {
  return error instanceof ApiError && error.problem.type?.endsWith("/not-covered-yet") === true;
}

export function evidenceQuery(position: number) {
  return queryOptions({
    queryKey: ["evidence", position],
    queryFn: ({ signal }) => get("/api/v1/evidence/{position}", { signal, path: { position } }),
    // A record never changes; only the tree above it grows.
    staleTime: 60_000,
    // The newest records wait for a checkpoint to cover them; that takes seconds.
    refetchInterval: (query) => (isNotCoveredYet(query.state.error) ? 2000 : false),
  });
}

export const productsQuery = queryOptions({
  queryKey: ["products"],
  queryFn: ({ signal }) => get("/api/v1/products", { signal }),
});

export const peopleQuery = queryOptions({
  queryKey: ["people"],
  queryFn: ({ signal }) => get("/api/v1/people", { signal }),
});

export function productQuery(id: string) {
  return queryOptions({
    queryKey: ["product", id],
    queryFn: ({ signal }) => get("/api/v1/products/{id}", { signal, path: { id } }),
  });
}

export function versionQuery(id: string) {
  return queryOptions({
    queryKey: ["version", id],
    queryFn: ({ signal }) => get("/api/v1/versions/{id}", { signal, path: { id } }),
  });
}

/** Findings page by page, what to look at first before the rest. */
export function findingsQuery(filter: { version: string; state?: FindingState | undefined }) {
  return infiniteQueryOptions({
    queryKey: ["findings", filter.version, filter.state],
    queryFn: ({ signal, pageParam }) =>
      get("/api/v1/findings", { signal, query: { ...filter, limit: ALERTS_PAGE, cursor: pageParam } }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

export function findingQuery(id: string) {
  return queryOptions({
    queryKey: ["finding", id],
    queryFn: ({ signal }) => get("/api/v1/findings/{id}", { signal, path: { id } }),
  });
}

export function advisoryQuery(id: string) {
  return queryOptions({
    queryKey: ["advisory", id],
    queryFn: ({ signal }) => get("/api/v1/advisories/{id}", { signal, path: { id } }),
  });
}

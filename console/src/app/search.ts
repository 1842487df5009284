// What the address of each page may hold after the "?". Unknown or broken values are dropped, never an error:
// a link from an older console still opens the page.
import { STATUS_FILTERS, type StatusFilter } from "../domain/alert-list";
import { isSeverity } from "../domain/severity";
import { microsOf } from "../domain/time";
import type { AlertStatus, FindingState, IncidentSort, Severity, VehicleHealth } from "../api/types";

type Raw = Record<string, unknown>;

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function oneOf<T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((one) => one === value);
}

function time(value: unknown): string | undefined {
  return typeof value === "string" && !Number.isNaN(microsOf(value)) ? value : undefined;
}

/** Drops absent values, so that addresses stay short. */
function compact<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}

export interface AlertsSearch {
  status?: StatusFilter | undefined;
  severity?: Severity | undefined;
  vehicle?: string | undefined;
  rule?: string | undefined;
  q?: string | undefined;
}

export function alertsSearch(raw: Raw): AlertsSearch {
  return compact({
    status: oneOf(STATUS_FILTERS, raw.status),
    severity: isSeverity(raw.severity) ? raw.severity : undefined,
    vehicle: text(raw.vehicle),
    rule: text(raw.rule),
    q: text(raw.q),
  });
}

export const INCIDENT_STATUSES = ["open", "acknowledged", "closed"] as const satisfies AlertStatus[];
export const INCIDENT_SORTS = ["score", "newest"] as const satisfies IncidentSort[];

export interface IncidentsSearch {
  /** Absent: all. */
  status?: AlertStatus | undefined;
  severity?: Severity | undefined;
  vehicle?: string | undefined;
  /** Absent: by score. */
  sort?: IncidentSort | undefined;
}

export function incidentsSearch(raw: Raw): IncidentsSearch {
  return compact({
    status: oneOf(INCIDENT_STATUSES, raw.status),
    severity: isSeverity(raw.severity) ? raw.severity : undefined,
    vehicle: text(raw.vehicle),
    sort: oneOf(INCIDENT_SORTS, raw.sort),
  });
}

export const FINDING_STATES = ["open", "triaged", "decided", "fixed", "gone"] as const satisfies FindingState[];

export interface VersionSearch {
  /** Absent: all but those that are gone. */
  state?: FindingState | undefined;
}

export function versionSearch(raw: Raw): VersionSearch {
  return compact({ state: oneOf(FINDING_STATES, raw.state) });
}

export const VEHICLE_STATES = ["reporting", "silent", "never"] as const satisfies VehicleHealth[];
export const VEHICLE_SORTS = ["vehicle", "model", "state", "last_seen", "events_24h", "alerts_open", "losses"] as const;
export type VehicleSort = (typeof VEHICLE_SORTS)[number];

export interface VehiclesSearch {
  q?: string | undefined;
  state?: VehicleHealth | undefined;
  model?: string | undefined;
  sort?: VehicleSort | undefined;
  order?: "up" | "down" | undefined;
}

export function vehiclesSearch(raw: Raw): VehiclesSearch {
  return compact({
    q: text(raw.q),
    state: oneOf(VEHICLE_STATES, raw.state),
    model: text(raw.model),
    sort: oneOf(VEHICLE_SORTS, raw.sort),
    order: oneOf(["up", "down"] as const, raw.order),
  });
}

/** Ranges that follow the clock, in minutes. */
export const LASTS = { "5m": 5, "15m": 15, "1h": 60, "6h": 360, "24h": 1440 } as const;
export type Last = keyof typeof LASTS;
export const LAST_DEFAULT: Last = "15m";

export interface VehicleSearch {
  /** With `to`: a fixed range. */
  from?: string | undefined;
  to?: string | undefined;
  last?: Last | undefined;
  /** The selected event, as its place in the vault. */
  event?: string | undefined;
}

export function vehicleSearch(raw: Raw): VehicleSearch {
  const from = time(raw.from);
  const to = time(raw.to);
  const fixed = from !== undefined && to !== undefined && microsOf(from) < microsOf(to);
  const event = text(raw.event);
  return compact({
    from: fixed ? from : undefined,
    to: fixed ? to : undefined,
    last: fixed ? undefined : oneOf(Object.keys(LASTS) as Last[], raw.last),
    event: event !== undefined && /^\d+-\d+$/.test(event) ? event : undefined,
  });
}

export interface SignInSearch {
  /** Where to go afterwards: a path of this console. */
  next?: string | undefined;
  /** Came here by signing out. */
  left?: boolean | undefined;
}

export function signInSearch(raw: Raw): SignInSearch {
  const next = text(raw.next);
  const ours = next !== undefined && /^\/(?![/\\])/.test(next) && !next.startsWith("/sign-in");
  return compact({ next: ours ? next : undefined, left: raw.left === true ? true : undefined });
}

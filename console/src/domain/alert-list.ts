// The alert list's logic: what a filter means, and how live alerts join a list that a person is reading.
// Not its drawing and not its loading. Invariant: a live alert changes a row in place or waits; it never moves a row.
import type { Alert, AlertStatus, Severity } from "../api/types";

/** `unresolved` is open or acknowledged; the API has no word for it, so it is applied here. */
export type StatusFilter = AlertStatus | "unresolved" | "all";
export const STATUS_FILTERS = ["unresolved", "open", "acknowledged", "closed", "all"] as const satisfies StatusFilter[];

export interface AlertFilter {
  status: StatusFilter;
  severity?: Severity | undefined;
  vehicle?: string | undefined;
  rule?: string | undefined;
  /** Words that must all occur in what a row shows. */
  words: string;
}

/** What is typed into the filter box, taken apart: `vehicle:` and `rule:` go to the server, words stay here. */
export function parseFilterText(text: string): Pick<AlertFilter, "vehicle" | "rule" | "words"> {
  const words: string[] = [];
  const found: { vehicle?: string; rule?: string } = {};
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const match = /^(vehicle|rule):(.+)$/.exec(word);
    if (match) found[match[1] as "vehicle" | "rule"] = match[2];
    else words.push(word);
  }
  return { ...found, words: words.join(" ") };
}

export function hasStatus(alert: Alert, filter: StatusFilter): boolean {
  if (filter === "all") return true;
  return filter === "unresolved" ? alert.status !== "closed" : alert.status === filter;
}

function hasWords(alert: Alert, words: string): boolean {
  if (words === "") return true;
  const text = [alert.title.en, alert.title.ja, alert.vehicle, alert.rule_id, alert.technique, alert.id]
    .join(" ")
    .toLowerCase();
  return words
    .toLowerCase()
    .split(" ")
    .every((word) => text.includes(word));
}

export function matches(alert: Alert, filter: AlertFilter): boolean {
  return (
    hasStatus(alert, filter.status) &&
    (filter.severity === undefined || alert.severity === filter.severity) &&
    (filter.vehicle === undefined || alert.vehicle === filter.vehicle) &&
    (filter.rule === undefined || alert.rule_id === filter.rule) &&
    hasWords(alert, filter.words)
  );
}

/** Puts newer versions of alerts into a loaded list, in their places. Returns the same array if nothing changed. */
export function patchInPlace(list: Alert[], incoming: ReadonlyMap<string, Alert>): Alert[] {
  const patched = list.map((alert) => incoming.get(alert.id) ?? alert);
  return patched.some((alert, i) => alert !== list[i]) ? patched : list;
}

/** Most ids that wait; beyond that the chip shows this number, and a click loads the list anew anyway. */
export const WAITING_MAX = 10_000;

/** Adds the incoming alerts that the list does not have, and that its filter lets through, to those that wait. */
export function collectWaiting(
  waiting: ReadonlySet<string>,
  loaded: ReadonlySet<string>,
  incoming: Iterable<Alert>,
  filter: AlertFilter,
): ReadonlySet<string> {
  const next = new Set(waiting);
  for (const alert of incoming) {
    if (loaded.has(alert.id)) continue;
    if (matches(alert, filter)) {
      if (next.size < WAITING_MAX) next.add(alert.id);
    } else {
      next.delete(alert.id);
    }
  }
  return next.size === waiting.size && [...next].every((id) => waiting.has(id)) ? waiting : next;
}

/** The row to go to from `current` by `step`, kept within the list; the first row if there is none yet. */
export function stepRow(ids: string[], current: string | undefined, step: number): string | undefined {
  if (ids.length === 0) return undefined;
  const index = current === undefined ? -1 : ids.indexOf(current);
  if (index < 0) return step > 0 ? ids[0] : ids[ids.length - 1];
  return ids[Math.min(ids.length - 1, Math.max(0, index + step))];
}

/** A row as it was chosen: itself, and the rows that stood after it. */
export interface RowPlace {
  id: string;
  after: string[];
}

/** The row to stand on in a list that may have lost the one that was chosen: that one, else the next that is still there. */
export function rowIn(ids: string[], place: RowPlace): string | undefined {
  const here = new Set(ids);
  return [place.id, ...place.after].find((id) => here.has(id));
}

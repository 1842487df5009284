// Live alerts never move a row; filters mean what they say.
import { expect, test } from "vitest";
import type { Alert } from "../api/types";
import { collectWaiting, matches, parseFilterText, patchInPlace, rowIn, stepRow, type AlertFilter } from "./alert-list";

function alert(id: string, change: Partial<Alert> = {}): Alert {
  return {
    id,
    rule_id: "rule-1",
    title: { en: "Bus flooded", ja: "バスの氾濫" },
    severity: "high",
    status: "open",
    vehicle: "demo-001",
    vehicle_count: 1,
    first_time: "2026-11-22T12:00:00.000000Z",
    last_time: "2026-11-22T12:00:01.000000Z",
    count: 1,
    stage: "live",
    ...change,
  };
}

const byId = (...alerts: Alert[]) => new Map(alerts.map((one) => [one.id, one]));
const everything: AlertFilter = { status: "all", words: "" };

test("a live alert changes its row in place", () => {
  const list = [alert("a"), alert("b"), alert("c")];
  const patched = patchInPlace(list, byId(alert("b", { count: 7 })));
  expect(patched.map((one) => [one.id, one.count])).toEqual([
    ["a", 1],
    ["b", 7],
    ["c", 1],
  ]);
});

test("a list that nothing changed is the same list", () => {
  const list = [alert("a")];
  expect(patchInPlace(list, byId(alert("z")))).toBe(list);
});

test("alerts that the list does not have wait, once each, if the filter lets them through", () => {
  const loaded = new Set(["a"]);
  const filter: AlertFilter = { status: "unresolved", severity: "high", words: "" };
  const first = collectWaiting(new Set(), loaded, [alert("a"), alert("b"), alert("c", { severity: "low" })], filter);
  expect([...first]).toEqual(["b"]);
  expect(collectWaiting(first, loaded, [alert("b", { count: 2 })], filter)).toBe(first);
  expect([...collectWaiting(first, loaded, [alert("b", { status: "closed" })], filter)]).toEqual([]);
});

test("unresolved is open or acknowledged", () => {
  const filter: AlertFilter = { status: "unresolved", words: "" };
  const statuses = (["open", "acknowledged", "closed"] as const).filter((status) =>
    matches(alert("a", { status }), filter),
  );
  expect(statuses).toEqual(["open", "acknowledged"]);
});

test("all words must occur, in either language, in any case", () => {
  expect(matches(alert("a"), { ...everything, words: "FLOOD demo-001" })).toBe(true);
  expect(matches(alert("a"), { ...everything, words: "氾濫" })).toBe(true);
  expect(matches(alert("a"), { ...everything, words: "flood demo-002" })).toBe(false);
});

test("the filter box tells fields from words", () => {
  expect(parseFilterText("  vehicle:demo-001 flood  rule:abc bus ")).toEqual({
    vehicle: "demo-001",
    rule: "abc",
    words: "flood bus",
  });
  expect(parseFilterText("vehicle:")).toEqual({ words: "vehicle:" });
});

test("steps stay within the list and start at its ends", () => {
  const ids = ["a", "b", "c"];
  expect(stepRow(ids, undefined, 1)).toBe("a");
  expect(stepRow(ids, undefined, -1)).toBe("c");
  expect(stepRow(ids, "c", 1)).toBe("c");
  expect(stepRow(ids, "b", -1)).toBe("a");
  expect(stepRow(ids, "gone", 1)).toBe("a");
  expect(stepRow([], "a", 1)).toBeUndefined();
});

test("who comes back to a list stands on the row they left, or on the next that is still there", () => {
  const place = { id: "b", after: ["c", "d"] };
  expect(rowIn(["a", "b", "c", "d"], place)).toBe("b");
  expect(rowIn(["new", "a", "d"], place)).toBe("d");
  expect(rowIn(["a"], place)).toBeUndefined();
  expect(rowIn([], place)).toBeUndefined();
});

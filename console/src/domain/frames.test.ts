// Frames show their distance from the event and what changed.
import { expect, test } from "vitest";
import type { Excerpt, Frame } from "../api/types";
import { bytesOf, frameRows, markedIds } from "./frames";
import { rfc3339 } from "./time";

const frame = (millis: number, id: string, data: string, marked = false, bus = 0): Frame => ({
  time: rfc3339(millis),
  bus,
  id,
  kind: "data",
  data,
  marked,
});

const excerpt = (...frames: Frame[]): Excerpt => ({ position: 1, entry_index: 2, event_time: rfc3339(100), frames });

test("distances are signed microseconds from the event", () => {
  const rows = frameRows(excerpt(frame(99.5, "129", "00"), frame(100.25, "129", "00")));
  expect(rows.map((row) => row.delta)).toEqual([-500, 250]);
});

test("a byte has changed if the previous frame of the same bus and identifier had another", () => {
  const rows = frameRows(
    excerpt(
      frame(1, "129", "aabb"),
      frame(2, "130", "ffff"),
      frame(3, "129", "aacc"),
      frame(4, "129", "aacc", false, 1),
    ),
  );
  expect(rows.map((row) => row.bytes.map((byte) => byte.changed))).toEqual([
    [false, false],
    [false, false],
    [false, true],
    [false, false],
  ]);
});

test("a longer frame's new bytes have changed", () => {
  const rows = frameRows(excerpt(frame(1, "129", "aa"), frame(2, "129", "aabb")));
  expect(rows[1]?.bytes).toEqual([
    { text: "AA", changed: false },
    { text: "BB", changed: true },
  ]);
});

test("the marked frame nearest to the event is the centre", () => {
  const rows = frameRows(
    excerpt(
      frame(90, "129", "00", true),
      frame(100, "7DF", "00"),
      frame(101, "129", "00", true),
      frame(115, "129", "00", true),
    ),
  );
  expect(rows.map((row) => row.centre)).toEqual([false, false, true, false]);
  expect(markedIds(excerpt(frame(1, "129", "", true), frame(2, "129", "", true)))).toEqual(["129"]);
});

test("a frame without data has no bytes", () => {
  expect(bytesOf("")).toEqual([]);
});

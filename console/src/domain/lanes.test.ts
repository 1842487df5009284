// Gaps are seen and drawn, and no line or band crosses one.
import { expect, test } from "vitest";
import type { SecurityEvent, StateSample } from "../api/types";
import { eventLanes, gapThreshold, signalsOf, stateAt, stateLanes } from "./lanes";
import { rfc3339 } from "./time";

const sample = (second: number, change: Partial<StateSample> = {}): StateSample => ({
  time: rfc3339(second * 1000),
  speed_kmh: 50,
  gear: "drive",
  brake_pressed: false,
  ...change,
});

const seconds = (...list: number[]) => list.map((second) => sample(second));

test("a pause of a few samples is no gap, a long one is", () => {
  expect(gapThreshold([0, 1, 2, 3])).toBe(4);
  expect(gapThreshold([0, 0.1, 0.2])).toBe(3);
  expect(gapThreshold([])).toBe(3);
});

test("the line is broken inside a gap", () => {
  const lanes = stateLanes(seconds(0, 1, 2, 20, 21), 0, 21);
  expect(lanes.times).toEqual([0, 1, 2, 11, 20, 21]);
  expect(lanes.speed).toEqual([50, 50, 50, null, 50, 50]);
  expect(lanes.gaps).toEqual([[2, 20]]);
});

test("what lies before the first and after the last sample is a gap, but the future is not", () => {
  expect(stateLanes(seconds(10, 11), 0, 30).gaps).toEqual([
    [0, 10],
    [11, 30],
  ]);
  expect(stateLanes(seconds(10, 11), 0, 20).gaps).toEqual([[0, 10]]);
  expect(stateLanes([], 0, 30).gaps).toEqual([[0, 30]]);
});

test("equal gears join, a gap ends the band", () => {
  const lanes = stateLanes(
    [sample(0, { gear: "park" }), ...seconds(1, 2), ...seconds(20, 21), sample(22, { gear: undefined })],
    0,
    22,
  );
  expect(lanes.gear).toEqual([
    { from: 0, to: 1, value: "park" },
    { from: 1, to: 2, value: "drive" },
    { from: 20, to: 22, value: "drive" },
  ]);
});

test("only a pressed brake is drawn, and an unknown one is not a released one", () => {
  const lanes = stateLanes(
    [sample(0), sample(1, { brake_pressed: true }), sample(2, { brake_pressed: undefined })],
    0,
    2,
  );
  expect(lanes.brake).toEqual([{ from: 1, to: 2, value: "true" }]);
});

test("the state at a moment is the last sample before it, and nothing inside a gap", () => {
  const states = seconds(0, 1, 20);
  expect(stateAt(states, [[1, 20]], 0.5)?.time).toBe(states[0]?.time);
  expect(stateAt(states, [[1, 20]], 10)).toBeUndefined();
  expect(stateAt(states, [], -1)).toBeUndefined();
});

test("only signals that the vehicle sends have a lane", () => {
  expect(signalsOf(seconds(0, 1))).toEqual(["speed", "brake", "gear"]);
  expect(signalsOf([])).toEqual([]);
});

test("each kind of event has its own lane", () => {
  const event = (event_name: string, second: number) =>
    ({ event_name, time: rfc3339(second * 1000), position: 1, entry_index: 0 }) as SecurityEvent;
  const lanes = eventLanes([event("A", 1), event("B", 2), event("A", 3)]);
  expect(lanes.names).toEqual(["A", "B"]);
  expect(lanes.marks.map((mark) => [mark.time, mark.lane])).toEqual([
    [1, 0],
    [2, 1],
    [3, 0],
  ]);
});

// A vehicle's state samples as lanes of a time line: lines broken at gaps, bands, and the gaps themselves.
// Not the drawing. All times are seconds since 1970, as uPlot wants them.
import type { SecurityEvent, StateSample } from "../api/types";
import { millisOf } from "./time";

export interface Band {
  from: number;
  to: number;
  value: string;
}

export interface StateLanes {
  /** Sample times, with one extra point inside each gap. */
  times: number[];
  speed: (number | null)[];
  accelerator: (number | null)[];
  brake: Band[];
  gear: Band[];
  /** Stretches of the range without samples. */
  gaps: [number, number][];
}

export const SIGNALS = ["speed", "accelerator", "brake", "gear"] as const;
export type Signal = (typeof SIGNALS)[number];
const FIELD = {
  speed: "speed_kmh",
  accelerator: "accelerator_percent",
  brake: "brake_pressed",
  gear: "gear",
} as const satisfies Record<Signal, keyof StateSample>;

/** A pause this many times the usual distance between samples is a gap … */
const GAP_FACTOR = 4;
/** … but never one shorter than this, in seconds. */
const GAP_MIN = 3;
/** What is newer than this may still be on its way from the vehicle, in seconds. */
const UNDER_WAY = 15;

const secondsOf = (text: string) => millisOf(text) / 1000;

/** How long a pause must be to count as a gap. */
export function gapThreshold(times: number[]): number {
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  steps.sort((a, b) => a - b);
  const median = steps[Math.floor(steps.length / 2)] ?? 0;
  return Math.max(GAP_MIN, median * GAP_FACTOR);
}

function gapsOf(times: number[], from: number, until: number, threshold: number): [number, number][] {
  const edges = [from, ...times, until];
  const gaps: [number, number][] = [];
  for (let i = 1; i < edges.length; i++) {
    const [start, end] = [edges[i - 1] ?? 0, edges[i] ?? 0];
    const least = i === edges.length - 1 ? Math.max(threshold, UNDER_WAY) : threshold;
    if (end - start > least) gaps.push([start, end]);
  }
  return gaps;
}

/** Joins equal neighbours into bands; a band ends at the next other value or where a gap begins. */
function bandsOf(samples: [number, string | undefined][], threshold: number): Band[] {
  const bands: Band[] = [];
  let open: Band | undefined;
  for (const [time, value] of samples) {
    if (open && time - open.to <= threshold) open.to = time;
    else open = undefined;
    if (open?.value === value) continue;
    open = value === undefined ? undefined : { from: time, to: time, value };
    if (open) bands.push(open);
  }
  return bands;
}

/** Lanes from `from` on; what lies after `until` is not known yet and no gap. */
export function stateLanes(states: StateSample[], from: number, until: number): StateLanes {
  const plain = states.map((state) => secondsOf(state.time));
  const threshold = gapThreshold(plain);
  const lanes: StateLanes = { times: [], speed: [], accelerator: [], brake: [], gear: [], gaps: [] };
  states.forEach((state, i) => {
    const time = plain[i] ?? 0;
    const before = plain[i - 1];
    if (before !== undefined && time - before > threshold) {
      lanes.times.push((before + time) / 2);
      lanes.speed.push(null);
      lanes.accelerator.push(null);
    }
    lanes.times.push(time);
    lanes.speed.push(state.speed_kmh ?? null);
    lanes.accelerator.push(state.accelerator_percent ?? null);
  });
  const at = (i: number) => plain[i] ?? 0;
  lanes.brake = bandsOf(
    states.map((s, i) => [at(i), s.brake_pressed === undefined ? undefined : String(s.brake_pressed)]),
    threshold,
  ).filter((band) => band.value === "true");
  lanes.gear = bandsOf(
    states.map((s, i) => [at(i), s.gear]),
    threshold,
  );
  lanes.gaps = gapsOf(plain, from, until, threshold);
  return lanes;
}

/** The signals of which the samples hold at least one value; a lane of nothing says nothing. */
export function signalsOf(states: StateSample[]): Signal[] {
  return SIGNALS.filter((signal) => states.some((state) => state[FIELD[signal]] !== undefined));
}

/** The sample in force at `time`: the last one before it, unless `time` lies in a gap. */
export function stateAt(states: StateSample[], gaps: [number, number][], time: number): StateSample | undefined {
  if (gaps.some(([start, end]) => time > start && time < end)) return undefined;
  let found: StateSample | undefined;
  for (const state of states) {
    if (secondsOf(state.time) > time) break;
    found = state;
  }
  return found;
}

export interface EventMark {
  time: number;
  lane: number;
  event: SecurityEvent;
}

export interface EventLanes {
  /** Distinct event names, in order of first appearance; one lane each. */
  names: string[];
  marks: EventMark[];
}

export function eventLanes(events: SecurityEvent[]): EventLanes {
  const names = [...new Set(events.map((event) => event.event_name))];
  const lane = new Map(names.map((name, i) => [name, i]));
  return {
    names,
    marks: events.map((event) => ({ time: secondsOf(event.time), lane: lane.get(event.event_name) ?? 0, event })),
  };
}

/** Names one event: the place of its entry in the vault. */
export function eventKey(event: Pick<SecurityEvent, "position" | "entry_index">): string {
  return `${event.position}-${event.entry_index}`;
}

// Frames around an event as rows: their distance from the event and which bytes changed.
// Not a decoder of signals: bytes stay bytes.
import type { Excerpt, Frame } from "../api/types";
import { microsOf } from "./time";

export interface ByteView {
  text: string;
  changed: boolean;
}

export interface FrameRow {
  frame: Frame;
  /** Microseconds from the event, negative before it. */
  delta: number;
  bytes: ByteView[];
  /** The frame closest to the event among the marked ones. */
  centre: boolean;
}

/** The bytes of a hexadecimal text, two digits each. */
export function bytesOf(hex: string): string[] {
  return hex.toUpperCase().match(/.{1,2}/g) ?? [];
}

/** Rows of an excerpt in time order; a byte is `changed` if the previous frame of the same bus and identifier had another. */
export function frameRows(excerpt: Excerpt): FrameRow[] {
  const event = microsOf(excerpt.event_time);
  const previous = new Map<string, string[]>();
  const rows = excerpt.frames.map((frame): FrameRow => {
    const key = `${frame.bus} ${frame.id}`;
    const bytes = bytesOf(frame.data);
    const before = previous.get(key);
    previous.set(key, bytes);
    return {
      frame,
      delta: microsOf(frame.time) - event,
      bytes: bytes.map((text, i) => ({ text, changed: before !== undefined && before[i] !== text })),
      centre: false,
    };
  });
  const centre = closest(rows);
  if (centre) centre.centre = true;
  return rows;
}

function closest(rows: FrameRow[]): FrameRow | undefined {
  let best: FrameRow | undefined;
  for (const row of rows) {
    if (row.frame.marked && (!best || Math.abs(row.delta) < Math.abs(best.delta))) best = row;
  }
  return best;
}

/** The identifiers that an excerpt's event is about. */
export function markedIds(excerpt: Excerpt): string[] {
  return [...new Set(excerpt.frames.filter((frame) => frame.marked).map((frame) => frame.id))];
}

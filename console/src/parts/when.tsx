// A moment, as the reader wants it: in the chosen zone, the exact time and the other zone on hover.
// Not a ticking clock: ages are computed when the page is drawn, with the server's clock where it is known.
import { useSyncExternalStore } from "react";
import { useMessages, useSettings } from "../app/settings";
import { useLive } from "../app/live";
import { briefTime, fullTime, millisOf, spanOf } from "../domain/time";

const TICK_MS = 5000;
let coarse = Date.now();
const onTick = (changed: () => void) => {
  const timer = setInterval(() => {
    coarse = Date.now();
    changed();
  }, TICK_MS);
  return () => clearInterval(timer);
};

/** Now, by the server's clock if it is known, moving every few seconds. */
export function useNow(): number {
  const local = useSyncExternalStore(onTick, () => coarse);
  const { tick, tickAt } = useLive();
  if (!tick || tickAt === undefined) return local;
  return local - tickAt + millisOf(tick.server_time);
}

/** How long ago, in words. */
export function useAge(): (millis: number, now: number) => string {
  const m = useMessages();
  return (millis, now) => {
    const span = spanOf(now - millis);
    return span.unit === "seconds" && span.value < 5 ? m.time.now : m.time.ago(m.time[span.unit](span.value));
  };
}

interface WhenProps {
  time: string;
  /** `brief`: time, with a date if it is another day; `age`: how long ago; `full`: all digits. */
  as: "brief" | "age" | "full";
}

export function When({ time, as }: WhenProps) {
  const m = useMessages();
  const { zone } = useSettings();
  const now = useNow();
  const age = useAge();
  const millis = millisOf(time);
  if (Number.isNaN(millis)) return <span>{time}</span>;
  const text = {
    brief: () => briefTime(millis, now, zone),
    age: () => age(millis, now),
    full: () => fullTime(millis, zone),
  };
  const other = zone === "utc" ? m.time.inYourZone(fullTime(millis, "local")) : fullTime(millis, "utc");
  return (
    <time dateTime={time} title={`${fullTime(millis, zone)}\n${other}\n${age(millis, now)}`}>
      {text[as]()}
    </time>
  );
}

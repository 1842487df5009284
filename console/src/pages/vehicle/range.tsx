// The range of time that a vehicle's page shows: fixed in the address, or the last minutes, which follow the clock.
import { getRouteApi } from "@tanstack/react-router";
import { useKeys } from "../../app/keys";
import { LAST_DEFAULT, LASTS, type Last } from "../../app/search";
import { useMessages, useSettings } from "../../app/settings";
import { briefTime, faceOf, millisOf, rfc3339, spanOf } from "../../domain/time";
import { Icon } from "../../parts/icons";
import { useNow } from "../../parts/when";

const route = getRouteApi("/shell/vehicles/$vehicle");

export interface Range {
  from: string;
  to: string;
  /** Set if the range follows the clock. */
  last: Last | undefined;
  zoom: (fromMillis: number, toMillis: number) => void;
  follow: (last: Last) => void;
}

/** Ranges shorter than this show nothing that frames would not show better. */
const RANGE_MIN_MS = 100;
/** The server answers no longer range than this. */
const RANGE_MAX_MS = 7 * 86_400_000;
/** A following range moves in steps of a hundredth of itself, and not more often than this. */
const STEP_MIN_MS = 10_000;

/** The end of a following range: now, rounded up so that queries are shared between draws. */
export function followEnd(now: number, length: number): number {
  const step = Math.max(STEP_MIN_MS, length / 100);
  return Math.ceil(now / step) * step;
}

export function useRange(): Range {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const now = useNow();
  const fixed = search.from !== undefined && search.to !== undefined;
  const last = fixed ? undefined : (search.last ?? LAST_DEFAULT);
  const length = last ? LASTS[last] * 60_000 : 0;
  const end = followEnd(now, length);
  const zoom = (from: number, to: number) => {
    if (to - from < RANGE_MIN_MS || to - from > RANGE_MAX_MS) return;
    void navigate({ search: { event: search.event, from: rfc3339(from), to: rfc3339(to) } });
  };
  return {
    from: search.from ?? rfc3339(end - length),
    to: search.to ?? rfc3339(end),
    last,
    zoom,
    follow: (to) => void navigate({ search: { event: search.event, last: to } }),
  };
}

export function RangeBar({ range }: { range: Range }) {
  const m = useMessages();
  const { zone } = useSettings();
  const [from, to] = [millisOf(range.from), millisOf(range.to)];
  const width = to - from;
  const moves = [
    {
      keys: "[",
      does: m.vehicle.earlier,
      icon: "back" as const,
      run: () => range.zoom(from - width / 2, to - width / 2),
    },
    {
      keys: "]",
      does: m.vehicle.later,
      icon: "forward" as const,
      run: () => range.zoom(from + width / 2, to + width / 2),
    },
    {
      keys: "-",
      does: m.vehicle.zoomOut,
      icon: "zoomOut" as const,
      run: () => range.zoom(from - width / 2, to + width / 2),
    },
  ];
  useKeys("page", moves);
  const names = Object.keys(LASTS) as Last[];
  return (
    <div className="range-bar">
      <span className="range-text">
        {`${faceOf(from, zone).date} ${faceOf(from, zone).time} – ${briefTime(to, from, zone)} ${faceOf(to, zone).zone}`}
      </span>
      {moves.map((move) => (
        <button
          key={move.keys}
          type="button"
          className="button ghost icon"
          aria-label={move.does}
          title={`${move.does} (${move.keys})`}
          onClick={move.run}
        >
          <Icon name={move.icon} />
        </button>
      ))}
      <div className="switch" role="group" aria-label={m.vehicle.range}>
        {names.map((name) => {
          const span = spanOf(LASTS[name] * 60_000);
          return (
            <button key={name} type="button" aria-pressed={range.last === name} onClick={() => range.follow(name)}>
              {m.time[span.unit](span.value)}
            </button>
          );
        })}
      </div>
    </div>
  );
}

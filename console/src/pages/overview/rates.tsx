// Events and reports received per second over the last quarter of an hour.
import { useMemo, useState } from "react";
import type uPlot from "uplot";
import type { Overview, RatePoint } from "../../api/types";
import { useMessages, useNumber, useSettings } from "../../app/settings";
import { faceOf, millisOf, type Zone } from "../../domain/time";
import { Loading, Panel } from "../../parts/panel";
import { colour, Plot, PLOT_FONT, timeLabels, tzDate, type PlotOptions } from "../../parts/plot";

/** Counts per step as rates per second. The last step is still filling and is left out. */
export function rateData(series: RatePoint[]): [number[], number[], number[]] {
  const times = series.map((point) => millisOf(point.time) / 1000);
  const step = times.length > 1 ? (times[1] ?? 0) - (times[0] ?? 0) : 5;
  const whole = series.slice(0, -1);
  return [times.slice(0, -1), whole.map((point) => point.events / step), whole.map((point) => point.reports / step)];
}

function optionsOf(zone: Zone, onCursor: (index: number | null) => void): PlotOptions {
  const line = colour("line");
  const axis = { stroke: colour("text-3"), font: PLOT_FONT, ticks: { show: false } };
  return {
    padding: [8, 12, 0, 0],
    legend: { show: false },
    tzDate: tzDate(zone),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.15)] } },
    axes: [
      { ...axis, grid: { show: false }, values: timeLabels(zone), space: 72, size: 24 },
      { ...axis, grid: { stroke: line, width: 1 }, size: 44, space: 52 },
    ],
    series: [
      {},
      { stroke: colour("accent"), fill: colour("accent-wash"), width: 1.5, points: { show: false } },
      { stroke: colour("text-3"), width: 1, dash: [4, 3], points: { show: false } },
    ],
    hooks: { setCursor: [(plot: uPlot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

export function Rates({ overview, now }: { overview: Overview | undefined; now: number | undefined }) {
  const m = useMessages();
  const number = useNumber();
  const { zone, resolvedTheme } = useSettings();
  const [cursor, setCursor] = useState<number | null>(null);
  const data = useMemo(() => rateData(overview?.series ?? []), [overview?.series]);
  const options = useMemo(
    () => optionsOf(zone, setCursor),
    // The theme changes what `colour` answers.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [zone, resolvedTheme],
  );
  const rate = now ?? overview?.events_per_second ?? 0;
  const at = cursor ?? -1;
  const events = data[1][at] ?? rate;
  const reports = data[2][at] ?? data[2].at(-1) ?? 0;
  const time = data[0][at];
  const face = time === undefined ? undefined : faceOf(time * 1000, zone);
  const legend = (
    <div className="legend">
      <span>
        {face ? m.overview.at : ""} <b>{face ? `${face.time} ${face.zone}` : m.overview.now}</b>
      </span>
      <span>
        <i className="swatch events" /> {m.overview.events} <b>{number(events, 1)}</b>
      </span>
      <span>
        <i className="swatch reports" /> {m.overview.reports} <b>{number(reports, 1)}</b>
      </span>
    </div>
  );
  return (
    <Panel
      title={
        <>
          {m.overview.rate} <small>{m.overview.rateUnit}</small>
        </>
      }
      aside={legend}
      className="rates"
    >
      {overview ? (
        <div className="rates-place">
          <Plot options={options} data={data} height="fill" label={m.overview.rateAria(number(rate, 1))} />
        </div>
      ) : (
        <Loading lines={6} />
      )}
    </Panel>
  );
}

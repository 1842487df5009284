// How uPlot is set up for each lane. All lanes share the time scale, the cursor and the width of the left axis.
import uPlot from "uplot";
import type { Zone } from "../../domain/time";
import { colour, PLOT_FONT, timeLabels, tzDate, type PlotOptions } from "../../parts/plot";
import { EVENT_ROW, markPlace, paintBands, paintGaps, paintMarks, paintSelected } from "./painting";
import type { Scene } from "./scene";

const AXIS_WIDTH = 40;
const AXIS_HEIGHT = 26;
const HIT_RADIUS = 9;

export const LANE_HEIGHTS = { speed: 100, accelerator: 68, brake: 28, gear: 30, nothing: 30, axis: AXIS_HEIGHT };
export const eventsHeight = (names: number) => Math.max(1, names) * EVENT_ROW;

interface LaneLook {
  scene: Scene;
  zone: Zone;
  axis: "shown" | "hidden";
  yMax: (max: number) => number;
  /** Values written at the left axis; none for bands. */
  yLabels: "shown" | "hidden";
  paint: (plot: uPlot) => void;
  series: uPlot.Series[];
  gaps: "named" | "plain";
}

function laneOptions({ scene, zone, axis, yMax, yLabels, paint, series, gaps }: LaneLook): PlotOptions {
  const line = colour("line");
  const base = { stroke: colour("text-3"), font: PLOT_FONT, ticks: { show: false } };
  const blank: uPlot.Axis.DynamicValues = (_plot, splits) => splits.map(() => "");
  return {
    padding: yLabels === "shown" ? [9, 12, 7, 0] : [0, 12, 0, 0],
    legend: { show: false },
    tzDate: tzDate(zone),
    cursor: {
      y: false,
      sync: { key: "vehicle-lanes" },
      drag: { x: true, y: false, setScale: false },
      points: { show: series.length > 1, size: 6 },
    },
    scales: {
      x: { time: true, range: () => [scene.from, scene.to] },
      y: { range: (_plot, _min, max) => [0, yMax(max)] },
    },
    axes: [
      {
        ...base,
        grid: { stroke: line, width: 1 },
        space: 84,
        size: axis === "shown" ? AXIS_HEIGHT : 0,
        values: axis === "shown" ? timeLabels(zone) : blank,
      },
      {
        ...base,
        size: AXIS_WIDTH,
        space: 24,
        gap: 6,
        grid: { show: yLabels === "shown", stroke: line, width: 1 },
        ...(yLabels === "shown" ? {} : { values: blank }),
      },
    ],
    series,
    hooks: {
      init: [(plot) => scene.add(plot)],
      destroy: [(plot) => scene.remove(plot)],
      setSelect: [(plot) => scene.dragged(plot)],
      setCursor: [(plot) => tellCursor(plot, scene)],
      drawAxes: [(plot) => paintGaps(plot, scene, gaps)],
      draw: [paint, (plot) => paintSelected(plot, scene)],
    },
  };
}

function tellCursor(plot: uPlot, scene: Scene) {
  const { left } = plot.cursor;
  scene.listener?.cursor(left === undefined || left < 0 ? undefined : plot.posToVal(left, "x"));
}

const ignore = () => undefined;
const hidden: uPlot.Series = { show: false };

export function speedOptions(scene: Scene, zone: Zone): PlotOptions {
  return laneOptions({
    scene,
    zone,
    axis: "hidden",
    yLabels: "shown",
    yMax: (max) => Math.max(30, max * 1.1),
    paint: ignore,
    gaps: "named",
    series: [
      {},
      { stroke: colour("accent"), fill: colour("accent-wash"), width: 1.5, points: { show: false }, spanGaps: false },
    ],
  });
}

export function acceleratorOptions(scene: Scene, zone: Zone): PlotOptions {
  return laneOptions({
    scene,
    zone,
    axis: "hidden",
    yLabels: "shown",
    yMax: () => 100,
    paint: ignore,
    gaps: "plain",
    series: [
      {},
      { stroke: colour("ok"), fill: colour("ok-wash"), width: 1.5, points: { show: false }, spanGaps: false },
    ],
  });
}

export function brakeOptions(scene: Scene, zone: Zone): PlotOptions {
  const look = { fill: colour("brake"), ink: colour("text"), text: "" };
  return laneOptions({
    scene,
    zone,
    axis: "hidden",
    yLabels: "hidden",
    yMax: () => 1,
    gaps: "plain",
    series: [{}, hidden],
    paint: (plot) => paintBands(plot, scene.state.brake, () => look),
  });
}

export function gearOptions(scene: Scene, zone: Zone, letters: Partial<Record<string, string>>): PlotOptions {
  return laneOptions({
    scene,
    zone,
    axis: "hidden",
    yLabels: "hidden",
    yMax: () => 1,
    gaps: "plain",
    series: [{}, hidden],
    paint: (plot) =>
      paintBands(plot, scene.state.gear, ({ value }) => ({
        fill: colour(value === "reverse" ? "gear-reverse" : value === "drive" ? "gear-drive" : "gear-rest"),
        ink: colour("text"),
        text: letters[value] ?? value,
      })),
  });
}

/** A lane for a vehicle of whose state nothing is known in the range. */
export function nothingOptions(scene: Scene, zone: Zone): PlotOptions {
  const series = [{}, hidden];
  return laneOptions({
    scene,
    zone,
    axis: "hidden",
    yLabels: "hidden",
    yMax: () => 1,
    paint: ignore,
    gaps: "named",
    series,
  });
}

/** The time axis below all lanes. */
export function axisOptions(scene: Scene, zone: Zone): PlotOptions {
  const series = [{}, hidden];
  const options = laneOptions({
    scene,
    zone,
    axis: "shown",
    yLabels: "hidden",
    yMax: () => 1,
    paint: ignore,
    gaps: "plain",
    series,
  });
  return { ...options, hooks: { ...options.hooks, drawAxes: [], draw: [] } };
}

export function eventOptions(scene: Scene, zone: Zone): PlotOptions {
  const options = laneOptions({
    scene,
    zone,
    axis: "hidden",
    yLabels: "hidden",
    yMax: () => 1,
    gaps: "plain",
    series: [{}, hidden],
    paint: (plot) => paintMarks(plot, scene),
  });
  const hooks = {
    ...options.hooks,
    drawAxes: [],
    ready: [(plot: uPlot) => listenToPointer(plot, scene)],
  };
  return { ...options, hooks };
}

/** The event whose mark is under the pointer, the nearest first. */
function hit(plot: uPlot, scene: Scene): number | undefined {
  const { left = -1, top = -1 } = plot.cursor;
  let best: number | undefined;
  let bestDistance = HIT_RADIUS;
  scene.events.marks.forEach((mark, i) => {
    const [x, y] = markPlace(plot, mark);
    const dx = (x - plot.bbox.left) / uPlot.pxRatio - left;
    const dy = (y - plot.bbox.top) / uPlot.pxRatio - top;
    const distance = Math.hypot(dx, dy);
    if (distance > bestDistance) return;
    bestDistance = distance;
    best = i;
  });
  return best;
}

function listenToPointer(plot: uPlot, scene: Scene) {
  plot.over.addEventListener("mousemove", () => {
    const index = hit(plot, scene);
    plot.over.style.cursor = index === undefined ? "" : "pointer";
    const { left = 0, top = 0 } = plot.cursor;
    scene.listener?.hover(
      index === undefined ? undefined : { index, left: left + plot.bbox.left / uPlot.pxRatio, top },
    );
  });
  plot.over.addEventListener("mouseleave", () => scene.listener?.hover(undefined));
  plot.over.addEventListener("click", () => {
    const index = hit(plot, scene);
    const mark = index === undefined ? undefined : scene.events.marks[index];
    if (mark) scene.listener?.select(`${mark.event.position}-${mark.event.entry_index}`);
  });
}

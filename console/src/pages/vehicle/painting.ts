// The brush strokes of the time line: gaps, bands, event marks, the line through the selected event.
// Positions are canvas pixels; the scene says what, this says how it looks.
import uPlot from "uplot";
import type { Severity } from "../../api/types";
import { eventKey, type Band, type EventMark } from "../../domain/lanes";
import { severityPath } from "../../parts/icons";
import { colour, PLOT_FONT } from "../../parts/plot";
import type { Scene } from "./scene";

export const EVENT_ROW = 24;
const MARK_SIZE = 12;

const px = (css: number) => css * uPlot.pxRatio;

function clipped(plot: uPlot, paint: (ctx: CanvasRenderingContext2D) => void) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  paint(ctx);
  ctx.restore();
}

function label(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, ink: string) {
  ctx.font = PLOT_FONT.replace("11px", `${px(11)}px`);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = ink;
  ctx.fillText(text, x, y);
}

/** Hatches the stretches without samples; `named` writes what they are where there is room. */
export function paintGaps(plot: uPlot, scene: Scene, naming: "named" | "plain") {
  clipped(plot, (ctx) => {
    const { top, height } = plot.bbox;
    for (const [from, to] of scene.state.gaps) {
      const left = plot.valToPos(from, "x", true);
      const right = plot.valToPos(to, "x", true);
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top, right - left, height);
      ctx.clip();
      ctx.strokeStyle = colour("hatch");
      ctx.lineWidth = px(1);
      ctx.beginPath();
      const step = px(7);
      const first = Math.floor((left - height) / step) * step;
      for (let x = first; x < right; x += step) {
        ctx.moveTo(x, top + height);
        ctx.lineTo(x + height, top);
      }
      ctx.stroke();
      ctx.restore();
      if (naming === "named" && right - left > px(80)) {
        const [x, y] = [(left + right) / 2, top + height / 2];
        ctx.fillStyle = colour("panel");
        ctx.fillRect(x - px(30), y - px(9), px(60), px(18));
        label(ctx, scene.texts.gap, x, y, colour("text-3"));
      }
    }
  });
}

interface BandLook {
  fill: string;
  ink: string;
  text: string;
}

export function paintBands(plot: uPlot, bands: Band[], look: (band: Band) => BandLook) {
  clipped(plot, (ctx) => {
    const { top, height } = plot.bbox;
    for (const band of bands) {
      const left = plot.valToPos(band.from, "x", true);
      const width = Math.max(px(2), plot.valToPos(band.to, "x", true) - left);
      const { fill, ink, text } = look(band);
      ctx.fillStyle = fill;
      ctx.beginPath();
      ctx.roundRect(left, top + px(3), width, height - px(6), px(2));
      ctx.fill();
      if (text && width > px(16)) label(ctx, text, left + Math.min(width / 2, px(40)), top + height / 2, ink);
    }
  });
}

const paths = new Map<Severity, Path2D>();

function shapeOf(severity: Severity): Path2D {
  let path = paths.get(severity);
  if (!path) {
    path = new Path2D(severityPath(severity));
    paths.set(severity, path);
  }
  return path;
}

/** Where a mark stands, in canvas pixels. */
export function markPlace(plot: uPlot, mark: { time: number; lane: number }): [number, number] {
  return [plot.valToPos(mark.time, "x", true), plot.bbox.top + px(EVENT_ROW * (mark.lane + 0.5))];
}

export function paintMarks(plot: uPlot, scene: Scene) {
  clipped(plot, (ctx) => {
    ctx.strokeStyle = colour("line");
    ctx.lineWidth = px(1);
    ctx.beginPath();
    for (let row = 0; row < scene.events.names.length; row++) {
      const y = plot.bbox.top + px(EVENT_ROW * (row + 0.5));
      ctx.moveTo(plot.bbox.left, y);
      ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    }
    ctx.stroke();
    const edge = colour("panel");
    const scale = px(MARK_SIZE) / 16;
    const isSelected = (mark: EventMark) => eventKey(mark.event) === scene.selected;
    // The selected one lies on top of its neighbours.
    for (const mark of [...scene.events.marks, ...scene.events.marks.filter(isSelected)]) {
      const [x, y] = markPlace(plot, mark);
      const selected = isSelected(mark);
      ctx.save();
      ctx.translate(x - 8 * scale, y - 8 * scale);
      ctx.scale(scale, scale);
      ctx.lineWidth = selected ? 6 : 3;
      ctx.strokeStyle = selected ? colour("text") : edge;
      const path = shapeOf(mark.event.severity);
      ctx.stroke(path);
      ctx.fillStyle = colour(mark.event.severity);
      ctx.fill(path);
      ctx.restore();
    }
  });
}

/** The line that ties the selected event to what the vehicle did then. */
export function paintSelected(plot: uPlot, scene: Scene) {
  const time = scene.selectedTime();
  if (time === undefined) return;
  clipped(plot, (ctx) => {
    const x = plot.valToPos(time, "x", true);
    ctx.strokeStyle = colour("accent");
    ctx.lineWidth = px(1);
    ctx.beginPath();
    ctx.moveTo(x, plot.bbox.top);
    ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    ctx.stroke();
  });
}

// What the lanes of a time line draw, outside of React: the charts read it whenever they paint.
// One scene for all lanes: they share range, cursor, gaps and the selected event.
import type uPlot from "uplot";
import type { Timeline } from "../../api/types";
import { eventKey, eventLanes, stateLanes, type EventLanes, type StateLanes } from "../../domain/lanes";
import { millisOf } from "../../domain/time";

export interface Hover {
  /** Index into the timeline's events. */
  index: number;
  left: number;
  top: number;
}

export interface SceneListener {
  /** Time under the pointer in seconds, or undefined when it left. */
  cursor: (time: number | undefined) => void;
  hover: (hover: Hover | undefined) => void;
  select: (key: string) => void;
  zoom: (fromMillis: number, toMillis: number) => void;
}

/** A drag over synchronised charts reports itself once per chart; one zoom is enough. */
const SAME_DRAG_MS = 100;

export class Scene {
  from = 0;
  to = 1;
  state: StateLanes = { times: [], speed: [], accelerator: [], brake: [], gear: [], gaps: [] };
  events: EventLanes = { names: [], marks: [] };
  selected: string | undefined;
  readonly texts = { gap: "" };
  listener: SceneListener | undefined;
  readonly #plots = new Set<uPlot>();
  #zoomedAt = 0;

  add(plot: uPlot) {
    this.#plots.add(plot);
  }

  remove(plot: uPlot) {
    this.#plots.delete(plot);
  }

  /** `known`: when the timeline was asked for, milliseconds; nothing after it is drawn as missing. */
  show(timeline: Timeline, known: number) {
    this.from = millisOf(timeline.from) / 1000;
    this.to = millisOf(timeline.to) / 1000;
    this.state = stateLanes(timeline.states, this.from, Math.min(this.to, known / 1000));
    this.events = eventLanes(timeline.events);
  }

  choose(selected: string | undefined, listener: SceneListener, gap: string) {
    this.selected = selected;
    this.listener = listener;
    this.texts.gap = gap;
    for (const plot of this.#plots) plot.redraw(false);
  }

  /** The mark of the selected event. */
  selectedTime(): number | undefined {
    return this.events.marks.find((mark) => eventKey(mark.event) === this.selected)?.time;
  }

  dragged(plot: uPlot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = plot.posToVal(left, "x") * 1000;
    const to = plot.posToVal(left + width, "x") * 1000;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const now = performance.now();
    if (now - this.#zoomedAt < SAME_DRAG_MS) return;
    this.#zoomedAt = now;
    this.listener?.zoom(from, to);
  }
}

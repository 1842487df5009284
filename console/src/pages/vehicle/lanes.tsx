// The lanes of a vehicle's time line: security events above what the vehicle was doing, under one cursor.
import { Fragment, useLayoutEffect, useMemo, useState } from "react";
import type uPlot from "uplot";
import type { SecurityEvent, StateSample, Timeline } from "../../api/types";
import { useMessages, useNumber, usePick, useSettings } from "../../app/settings";
import { eventLanes, signalsOf, stateAt, stateLanes, type Signal } from "../../domain/lanes";
import { faceOf, fullTime, millisOf } from "../../domain/time";
import { SeverityLabel } from "../../parts/labels";
import { Plot } from "../../parts/plot";
import { Quantity } from "../../parts/quantity";
import {
  acceleratorOptions,
  axisOptions,
  brakeOptions,
  eventOptions,
  eventsHeight,
  gearOptions,
  LANE_HEIGHTS,
  nothingOptions,
  speedOptions,
} from "./lane-options";
import { Scene, type Hover } from "./scene";

interface LanesProps {
  timeline: Timeline;
  /** When the timeline was asked for, milliseconds since 1970. */
  known: number;
  selected: string | undefined;
  select: (key: string) => void;
  zoom: (fromMillis: number, toMillis: number) => void;
}

export function Lanes({ timeline, known, selected, select, zoom }: LanesProps) {
  const m = useMessages();
  const { zone } = useSettings();
  const [scene] = useState(() => new Scene());
  const [cursor, setCursor] = useState<number>();
  const [hover, setHover] = useState<Hover>();
  useLayoutEffect(() => scene.show(timeline, known), [scene, timeline, known]);
  useLayoutEffect(() => {
    scene.choose(selected, { cursor: setCursor, hover: setHover, select, zoom }, m.vehicle.gap);
  }, [scene, selected, select, zoom, m]);
  const options = useLaneOptions(scene);
  const data = useLaneData(timeline, known);
  const sample = cursor === undefined ? timeline.states.at(-1) : stateAt(timeline.states, data.gaps, cursor);
  const face = cursor === undefined ? undefined : faceOf(cursor * 1000, zone);
  const aria = m.vehicle.timelineAria(
    timeline.events.length,
    fullTime(millisOf(timeline.from), zone),
    fullTime(millisOf(timeline.to), zone),
  );
  const hovered = hover && timeline.events[hover.index];
  return (
    <div className="lanes">
      <div className="lane-labels events-labels">
        <EventNames events={timeline.events} names={data.names} />
      </div>
      <div className="lane events-lane">
        <Plot options={options.events} data={data.frame} height={eventsHeight(data.names.length)} label={aria} />
        {hover && hovered && <HoverCard event={hovered} hover={hover} />}
      </div>
      {data.signals.map((signal) => (
        <Fragment key={signal}>
          <LaneLabel name={m.vehicle.lanes[signal]} value={<Value signal={signal} sample={sample} />} />
          <Plot
            options={options[signal]}
            data={data[signal]}
            height={LANE_HEIGHTS[signal]}
            label={m.vehicle.lanes[signal]}
          />
        </Fragment>
      ))}
      {data.signals.length === 0 && (
        <>
          <LaneLabel name={m.vehicle.lanes.nothing} value={m.shared.none} />
          <Plot
            options={options.nothing}
            data={data.frame}
            height={LANE_HEIGHTS.nothing}
            label={m.vehicle.lanes.nothing}
          />
        </>
      )}
      <span className="cursor-time">{face ? `${face.time}.${face.micros.slice(0, 3)} ${face.zone}` : ""}</span>
      <Plot options={options.axis} data={data.frame} height={LANE_HEIGHTS.axis} label={m.vehicle.range} />
    </div>
  );
}

function useLaneOptions(scene: Scene) {
  const m = useMessages();
  const { zone, resolvedTheme } = useSettings();
  return useMemo(
    () => ({
      events: eventOptions(scene, zone),
      speed: speedOptions(scene, zone),
      accelerator: acceleratorOptions(scene, zone),
      brake: brakeOptions(scene, zone),
      gear: gearOptions(scene, zone, m.vehicle.gears),
      nothing: nothingOptions(scene, zone),
      axis: axisOptions(scene, zone),
    }),
    // The theme changes the colours that the options ask for.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [scene, zone, resolvedTheme, m],
  );
}

interface LaneData {
  /** Nothing but the two ends of the range, for lanes that paint themselves. */
  frame: uPlot.AlignedData;
  speed: uPlot.AlignedData;
  accelerator: uPlot.AlignedData;
  brake: uPlot.AlignedData;
  gear: uPlot.AlignedData;
  /** The signals that the vehicle sent in the range. */
  signals: Signal[];
  gaps: [number, number][];
  names: string[];
}

function useLaneData(timeline: Timeline, known: number): LaneData {
  return useMemo(() => {
    const from = millisOf(timeline.from) / 1000;
    const to = millisOf(timeline.to) / 1000;
    const state = stateLanes(timeline.states, from, Math.min(to, known / 1000));
    const frame: uPlot.AlignedData = [
      [from, to],
      [null, null],
    ];
    return {
      frame,
      brake: frame,
      gear: frame,
      signals: signalsOf(timeline.states),
      speed: [state.times, state.speed],
      accelerator: [state.times, state.accelerator],
      gaps: state.gaps,
      names: eventLanes(timeline.events).names,
    };
  }, [timeline, known]);
}

function EventNames({ events, names }: { events: SecurityEvent[]; names: string[] }) {
  const m = useMessages();
  const pick = usePick();
  if (names.length === 0) return <span className="lane-label faint">{m.vehicle.noEvents}</span>;
  return names.map((name) => {
    const event = events.find((one) => one.event_name === name);
    return (
      <span key={name} className="lane-label event-name" title={name}>
        {event ? pick(event.title) : name}
      </span>
    );
  });
}

function LaneLabel({ name, value }: { name: string; value: React.ReactNode }) {
  return (
    <div className="lane-label">
      <span>{name}</span>
      <strong>{value}</strong>
    </div>
  );
}

/** A signal's value at the cursor, or its newest one. */
function Value({ signal, sample }: { signal: Signal; sample: StateSample | undefined }) {
  const m = useMessages();
  const number = useNumber();
  const { speed_kmh, accelerator_percent, brake_pressed, gear } = sample ?? {};
  const none = m.shared.none;
  switch (signal) {
    case "speed":
      return speed_kmh === undefined ? none : `${number(speed_kmh, 1)} km/h`;
    case "accelerator":
      return accelerator_percent === undefined ? none : `${number(accelerator_percent)} %`;
    case "brake":
      if (brake_pressed === undefined) return none;
      return brake_pressed ? m.vehicle.brake.pressed : m.vehicle.brake.released;
    case "gear": {
      const letters: Partial<Record<string, string>> = m.vehicle.gears;
      return gear === undefined ? none : (letters[gear] ?? gear);
    }
  }
}

function HoverCard({ event, hover }: { event: SecurityEvent; hover: Hover }) {
  const m = useMessages();
  const pick = usePick();
  const { zone } = useSettings();
  const face = faceOf(millisOf(event.time), zone);
  return (
    <div className="hover-card" style={{ left: hover.left, top: hover.top }} role="presentation">
      <SeverityLabel severity={event.severity} />
      <strong>{pick(event.title)}</strong>
      <span>
        {`${face.time}.${face.micros.slice(0, 3)} ${face.zone}`}
        {event.can_id !== undefined && <code>{event.can_id}</code>}
      </span>
      <span>
        {m.alert.columns.expected} <Quantity event={event} which="expected" /> · {m.alert.columns.observed}{" "}
        <Quantity event={event} which="observed" />
      </span>
    </div>
  );
}

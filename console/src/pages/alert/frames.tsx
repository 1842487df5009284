// The frames around an alert's events, byte by byte, with the ones the event is about marked.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { framesQuery } from "../../api/queries";
import type { Excerpt } from "../../api/types";
import { useMessages, useSettings } from "../../app/settings";
import { frameRows, markedIds, type FrameRow } from "../../domain/frames";
import { briefTime, faceOf, millisOf, signedMillis } from "../../domain/time";
import { Empty, Loading, Panel } from "../../parts/panel";
import { QueryProblem } from "../../parts/problem";

export function FramesPanel({ alertId }: { alertId: string }) {
  const m = useMessages();
  const query = useQuery(framesQuery(alertId));
  const [chosen, setChosen] = useState(0);
  const excerpts = query.data?.excerpts ?? [];
  const excerpt = excerpts[Math.min(chosen, excerpts.length - 1)];
  const picker = excerpts.length > 1 && <ExcerptPicker excerpts={excerpts} chosen={chosen} choose={setChosen} />;
  return (
    <Panel title={m.alert.frames} aside={picker} className="frames">
      {query.isPending && <Loading lines={6} />}
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isSuccess && !excerpt && <Empty>{m.alert.framesNone}</Empty>}
      {excerpt && <ExcerptView key={`${excerpt.position}-${excerpt.entry_index}`} excerpt={excerpt} />}
    </Panel>
  );
}

interface ExcerptPickerProps {
  excerpts: Excerpt[];
  chosen: number;
  choose: (index: number) => void;
}

function ExcerptPicker({ excerpts, chosen, choose }: ExcerptPickerProps) {
  const m = useMessages();
  const { zone } = useSettings();
  return (
    <select aria-label={m.alert.frames} value={chosen} onChange={(event) => choose(Number(event.target.value))}>
      {excerpts.map((excerpt, i) => {
        const time = millisOf(excerpt.event_time);
        return (
          <option key={`${excerpt.position}-${excerpt.entry_index}`} value={i}>
            {`${m.alert.framesOf(i + 1, excerpts.length)} · ${briefTime(time, time, zone)}`}
          </option>
        );
      })}
    </select>
  );
}

function ExcerptView({ excerpt }: { excerpt: Excerpt }) {
  const m = useMessages();
  const [onlyMarked, setOnlyMarked] = useState(false);
  const rows = useMemo(() => frameRows(excerpt), [excerpt]);
  const ids = markedIds(excerpt);
  const shown = onlyMarked ? rows.filter((row) => ids.includes(row.frame.id)) : rows;
  const centre = useRef<HTMLTableRowElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const [box, row] = [scroller.current, centre.current];
    if (box && row) box.scrollTop = row.offsetTop - box.clientHeight / 2;
  }, [onlyMarked]);
  const columns = m.alert.columns;
  return (
    <>
      <div className="frames-bar">
        <div className="switch" role="group" aria-label={columns.id}>
          <button type="button" aria-pressed={!onlyMarked} onClick={() => setOnlyMarked(false)}>
            {m.alert.framesAll}
          </button>
          {ids.length > 0 && (
            <button type="button" aria-pressed={onlyMarked} onClick={() => setOnlyMarked(true)}>
              {m.alert.framesOnly(ids.join(", "))}
            </button>
          )}
        </div>
        <span className="hint">{m.alert.framesChanged}</span>
      </div>
      <div className="frames-scroll" ref={scroller} tabIndex={0} role="group" aria-label={m.alert.frames}>
        <table className="table frames-table">
          <thead>
            <tr>
              <th scope="col" className="right">
                {columns.delta}
              </th>
              <th scope="col">{columns.time}</th>
              <th scope="col" className="right">
                {columns.bus}
              </th>
              <th scope="col">{columns.id}</th>
              <th scope="col">{columns.kind}</th>
              <th scope="col" className="right">
                {columns.length}
              </th>
              <th scope="col">{columns.data}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row, i) => (
              <FrameLine key={i} row={row} place={row.centre ? centre : undefined} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function FrameLine({ row, place }: { row: FrameRow; place: React.RefObject<HTMLTableRowElement | null> | undefined }) {
  const m = useMessages();
  const { zone } = useSettings();
  const { frame } = row;
  const face = faceOf(millisOf(frame.time), zone);
  const kinds: Partial<Record<string, string>> = m.alert.kinds;
  return (
    <tr {...(place ? { ref: place } : {})} className={`${frame.marked ? "marked" : ""} ${row.centre ? "centre" : ""}`}>
      <td className="right delta">{signedMillis(row.delta)}</td>
      <td>
        {face.time}.<small>{face.micros}</small>
      </td>
      <td className="right">{frame.bus}</td>
      <td className="id">
        {frame.id}
        {frame.marked && (
          <span className="mark" role="img" aria-label={m.alert.framesMarked} title={m.alert.framesMarked} />
        )}
      </td>
      <td className="kind">{kinds[frame.kind] ?? frame.kind}</td>
      <td className="right">{row.bytes.length}</td>
      <td className="bytes">
        {row.bytes.map((byte, i) => (byte.changed ? <u key={i}>{byte.text}</u> : <span key={i}>{byte.text}</span>))}
      </td>
    </tr>
  );
}

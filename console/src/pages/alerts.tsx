// The alert list: filters in the address, rows that stay where they are while new ones arrive, everything by keyboard.
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState, type RefObject } from "react";
import type { Alert } from "../api/types";
import { useKeys } from "../app/keys";
import { Page } from "../app/page";
import { useMessages } from "../app/settings";
import { rowIn, stepRow, type AlertFilter, type RowPlace } from "../domain/alert-list";
import { CopyLink } from "../parts/copy";
import { Grid } from "../parts/grid";
import { Icon } from "../parts/icons";
import { Empty, Loading } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { CloseAs, closeKeys, type Wish } from "./alerts/close-as";
import { useAlertColumns } from "./alerts/columns";
import { FilterBar, useAlertFilter } from "./alerts/filter-bar";
import { useAlertList, type AlertListState } from "./alerts/list";
import { useSetStatus } from "./alerts/set-status";
import "../styles/alerts.css";

/** Where the reader was, per filter, so that Esc from an alert comes back to its row, or to the next if it was closed. */
const lastCurrent = new Map<string, RowPlace>();

export function AlertsPage() {
  const m = useMessages();
  const { filter, apply } = useAlertFilter();
  const list = useAlertList(filter);
  const rows = useRowChoice(list, JSON.stringify(filter));
  const box = useRef<HTMLInputElement>(null);
  useListKeys(list, rows, box);
  const columns = useAlertColumns(rows.selected, rows.toggle);
  const nothing = !list.loading && list.error === null && list.rows.length === 0;
  const actions = rows.selected.size > 0 ? <SelectionBar rows={rows} /> : <CopyLink />;
  return (
    <Page title={m.alerts.title} height="fill" beside={<Count list={list} words={filter.words} />} actions={actions}>
      <FilterBar filter={filter} apply={apply} box={box} />
      {list.waiting > 0 && (
        <button type="button" className="fresh" aria-label={m.alerts.freshAria(list.waiting)} onClick={list.showFresh}>
          <Icon name="up" />
          {m.alerts.fresh(list.waiting)}
        </button>
      )}
      {list.error !== null && <QueryProblem error={list.error} retry={list.showFresh} />}
      {list.loading && <Loading lines={12} />}
      {nothing && (
        <NoAlerts filter={filter} loaded={list.loaded} clear={() => apply({ status: "unresolved", words: "" })} />
      )}
      {list.rows.length > 0 && (
        <Grid
          label={m.alerts.title}
          rows={list.rows}
          columns={columns}
          rowKey={(row) => row.id}
          rowClass={(row) => row.status}
          current={rows.current}
          selected={rows.selected}
          onCurrent={rows.setCurrent}
          onOpen={rows.open}
          after={list.more && <LoadMore list={list} />}
        />
      )}
    </Page>
  );
}

interface RowChoice {
  current: string | undefined;
  setCurrent: (id: string | undefined) => void;
  selected: ReadonlySet<string>;
  toggle: (id: string) => void;
  clear: () => void;
  open: (alert: Alert) => void;
  /** Sets the status of the selected rows, or of the current one if none is selected. */
  change: (wish: Wish) => void;
}

/** Which row is current and which are selected, and what can be done with them. */
function useRowChoice(list: AlertListState, filterKey: string): RowChoice {
  const [place, setPlace] = useState(() => lastCurrent.get(filterKey));
  const ids = list.rows.map((row) => row.id);
  const current = place && rowIn(ids, place);
  const [selected, setSelected] = useState<ReadonlySet<string>>(NONE);
  const navigate = useNavigate();
  const setStatus = useSetStatus();
  const clear = () => setSelected(NONE);
  return {
    current,
    selected,
    clear,
    setCurrent: (id) => {
      const at = id === undefined ? undefined : { id, after: ids.slice(ids.indexOf(id) + 1) };
      if (at) lastCurrent.set(filterKey, at);
      setPlace(at);
    },
    toggle: (id) => setSelected((before) => toggled(before, id)),
    open: (alert) => void navigate({ to: "/alerts/$id", params: { id: alert.id } }),
    change: (wish) => {
      const chosen = list.rows.filter((row) => (selected.size > 0 ? selected.has(row.id) : row.id === current));
      setStatus(chosen, wish);
      clear();
    },
  };
}

const NONE: ReadonlySet<string> = new Set();

function toggled(before: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(before);
  if (!next.delete(id)) next.add(id);
  return next;
}

function useListKeys(list: AlertListState, rows: RowChoice, box: RefObject<HTMLInputElement | null>) {
  const m = useMessages();
  const { current, selected } = rows;
  const ids = list.rows.map((row) => row.id);
  const step = (by: number) => () => rows.setCurrent(stepRow(ids, current, by));
  const row = list.rows.find((one) => one.id === current);
  useKeys("page", [
    { keys: "j", does: m.keys.next, run: step(1) },
    { keys: "k", does: m.keys.previous, run: step(-1) },
    { keys: "ArrowDown", does: m.keys.next, run: step(1) },
    { keys: "ArrowUp", does: m.keys.previous, run: step(-1) },
    { keys: "Enter", does: m.keys.open, run: () => row && rows.open(row) },
    { keys: "x", does: m.keys.select, run: () => current !== undefined && rows.toggle(current) },
    { keys: "a", does: m.keys.acknowledge, run: () => rows.change({ status: "acknowledged" }) },
    ...closeKeys(m, rows.change),
    { keys: "n", does: m.keys.fresh, run: list.showFresh },
    { keys: "/", does: m.keys.filter, run: () => box.current?.focus() },
    // Esc falls through to "back" once there is nothing to clear.
    ...(selected.size > 0 || current !== undefined
      ? [
          {
            keys: "Escape",
            does: m.keys.back,
            run: () => (selected.size > 0 ? rows.clear() : rows.setCurrent(undefined)),
          },
        ]
      : []),
  ]);
}

function Count({ list, words }: { list: AlertListState; words: string }) {
  const m = useMessages();
  if (list.loading) return null;
  return (
    <span className="count" role="status">
      {words
        ? m.alerts.countFiltered(list.rows.length, list.loaded, list.more)
        : m.alerts.count(list.rows.length, list.more)}
    </span>
  );
}

function SelectionBar({ rows }: { rows: RowChoice }) {
  const m = useMessages();
  return (
    <div className="selection-bar">
      <strong>{m.alerts.selected(rows.selected.size)}</strong>
      <button type="button" className="button small" onClick={() => rows.change({ status: "acknowledged" })}>
        {m.actions.acknowledge} <kbd>a</kbd>
      </button>
      <CloseAs close={rows.change} small />
      <button type="button" className="button small" onClick={() => rows.change({ status: "open" })}>
        {m.actions.reopen}
      </button>
    </div>
  );
}

function LoadMore({ list }: { list: AlertListState }) {
  const m = useMessages();
  return (
    <button type="button" className="button load-more" disabled={list.loadingMore} onClick={list.loadMore}>
      {list.loadingMore ? m.shared.loading : m.actions.loadMore}
    </button>
  );
}

function NoAlerts({ filter, loaded, clear }: { filter: AlertFilter; loaded: number; clear: () => void }) {
  const m = useMessages();
  const filtered = Boolean(filter.severity ?? filter.vehicle ?? filter.rule ?? filter.words);
  const unfiltered = loaded > 0 ? m.alerts.emptyUnresolved : m.alerts.empty;
  return (
    <Empty title={m.alerts.emptyTitle}>
      <p>{filtered ? m.alerts.emptyFiltered : unfiltered}</p>
      {filtered && (
        <button type="button" className="button" onClick={clear}>
          {m.actions.clear}
        </button>
      )}
    </Empty>
  );
}

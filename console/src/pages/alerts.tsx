// The alert list: filters in the address, rows that stay where they are while new ones arrive, everything by keyboard.
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import type { Alert } from "../api/types";
import { useKeys } from "../app/keys";
import { Page } from "../app/page";
import { useMessages } from "../app/settings";
import { stepRow } from "../domain/alert-list";
import { CopyLink } from "../parts/copy";
import { Grid } from "../parts/grid";
import { Icon } from "../parts/icons";
import { Empty, Loading } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { useAlertColumns } from "./alerts/columns";
import { FilterBar, useAlertFilter } from "./alerts/filter-bar";
import { useAlertList, type AlertListState } from "./alerts/list";
import { useSetStatus } from "./alerts/set-status";
import "../styles/alerts.css";

/** Where the reader was, per filter, so that Esc from an alert comes back to its row. */
const lastCurrent = new Map<string, string>();

export function AlertsPage() {
  const m = useMessages();
  const { filter, apply } = useAlertFilter();
  const list = useAlertList(filter);
  const filterKey = JSON.stringify(filter);
  const [current, setCurrentState] = useState(() => lastCurrent.get(filterKey));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const setCurrent = (id: string | undefined) => {
    if (id !== undefined) lastCurrent.set(filterKey, id);
    setCurrentState(id);
  };
  const toggle = (id: string) => setSelected((before) => toggled(before, id));
  const box = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  const open = (alert: Alert) => void navigate({ to: "/alerts/$id", params: { id: alert.id } });
  const setStatus = useSetStatus();
  const chosen = list.rows.filter((row) => (selected.size > 0 ? selected.has(row.id) : row.id === current));
  const change = (status: "acknowledged" | "closed" | "open") => {
    setStatus(chosen, status);
    setSelected(new Set());
  };
  useListKeys({ list, current, setCurrent, selected, toggle, chosen, open, change, clear: () => setSelected(new Set()), box });
  const columns = useAlertColumns(selected, toggle);

  return (
    <Page title={m.alerts.title} height="fill" beside={<Count list={list} words={filter.words} />} actions={<CopyLink />}>
      <FilterBar filter={filter} apply={apply} box={box} />
      {selected.size > 0 && <SelectionBar count={selected.size} change={change} />}
      {list.waiting > 0 && (
        <button type="button" className="fresh" aria-label={m.alerts.freshAria(list.waiting)} onClick={list.showFresh}>
          <Icon name="up" />
          {m.alerts.fresh(list.waiting)}
        </button>
      )}
      {list.error !== null && <QueryProblem error={list.error} retry={list.showFresh} />}
      {list.loading && <Loading lines={12} />}
      {!list.loading && list.error === null && list.rows.length === 0 ? (
        <NoAlerts status={filter.status} filtered={Boolean(filter.severity ?? filter.vehicle ?? filter.rule ?? filter.words)} clear={() => apply({ status: "unresolved", words: "" })} />
      ) : (
        !list.loading && (
          <Grid
            label={m.alerts.title}
            rows={list.rows}
            columns={columns}
            rowKey={(row) => row.id}
            rowClass={(row) => row.status}
            current={current}
            selected={selected}
            onCurrent={setCurrent}
            onOpen={open}
            after={list.more && <LoadMore list={list} />}
          />
        )
      )}
    </Page>
  );
}

function toggled(before: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(before);
  if (!next.delete(id)) next.add(id);
  return next;
}

interface ListKeys {
  list: AlertListState;
  current: string | undefined;
  setCurrent: (id: string | undefined) => void;
  selected: ReadonlySet<string>;
  toggle: (id: string) => void;
  chosen: Alert[];
  open: (alert: Alert) => void;
  change: (status: "acknowledged" | "closed") => void;
  clear: () => void;
  box: React.RefObject<HTMLInputElement | null>;
}

function useListKeys({ list, current, setCurrent, selected, toggle, open, change, clear, box }: ListKeys) {
  const m = useMessages();
  const ids = list.rows.map((row) => row.id);
  const step = (by: number) => () => setCurrent(stepRow(ids, current, by));
  const row = list.rows.find((one) => one.id === current);
  useKeys("page", [
    { keys: "j", does: m.keys.next, run: step(1) },
    { keys: "k", does: m.keys.previous, run: step(-1) },
    { keys: "ArrowDown", does: m.keys.next, run: step(1) },
    { keys: "ArrowUp", does: m.keys.previous, run: step(-1) },
    { keys: "Enter", does: m.keys.open, run: () => row && open(row) },
    { keys: "x", does: m.keys.select, run: () => current !== undefined && toggle(current) },
    { keys: "a", does: m.keys.acknowledge, run: () => change("acknowledged") },
    { keys: "e", does: m.keys.close, run: () => change("closed") },
    { keys: "n", does: m.keys.fresh, run: list.showFresh },
    { keys: "/", does: m.keys.filter, run: () => box.current?.focus() },
    // Esc falls through to "back" once there is nothing to clear.
    ...(selected.size > 0 || current !== undefined
      ? [{ keys: "Escape", does: m.keys.back, run: () => (selected.size > 0 ? clear() : setCurrent(undefined)) }]
      : []),
  ]);
}

function Count({ list, words }: { list: AlertListState; words: string }) {
  const m = useMessages();
  if (list.loading) return null;
  return (
    <span className="count" role="status">
      {words ? m.alerts.countFiltered(list.rows.length, list.loaded, list.more) : m.alerts.count(list.rows.length, list.more)}
    </span>
  );
}

function SelectionBar({ count, change }: { count: number; change: (status: "acknowledged" | "closed" | "open") => void }) {
  const m = useMessages();
  return (
    <div className="selection-bar">
      <strong>{m.alerts.selected(count)}</strong>
      <button type="button" className="button small" onClick={() => change("acknowledged")}>
        {m.actions.acknowledge} <kbd>a</kbd>
      </button>
      <button type="button" className="button small" onClick={() => change("closed")}>
        {m.actions.close} <kbd>e</kbd>
      </button>
      <button type="button" className="button small" onClick={() => change("open")}>
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

function NoAlerts({ status, filtered, clear }: { status: string; filtered: boolean; clear: () => void }) {
  const m = useMessages();
  const why = filtered ? m.alerts.emptyFiltered : status === "unresolved" ? m.alerts.emptyUnresolved : m.alerts.empty;
  return (
    <Empty title={m.alerts.emptyTitle}>
      <p>{why}</p>
      {filtered && (
        <button type="button" className="button" onClick={clear}>
          {m.actions.clear}
        </button>
      )}
    </Empty>
  );
}

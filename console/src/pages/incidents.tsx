// The incident list: what belongs together, gravest first; rows stay where they are while new ones arrive.
import { useInfiniteQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { incidentsQuery } from "../api/queries";
import type { Incident, IncidentPage } from "../api/types";
import { useKeys } from "../app/keys";
import { useLiveIncidents } from "../app/live";
import { Page } from "../app/page";
import { INCIDENT_SORTS, INCIDENT_STATUSES, type IncidentsSearch } from "../app/search";
import { useMessages, useNumber, usePick } from "../app/settings";
import { stepRow } from "../domain/alert-list";
import { SEVERITIES } from "../domain/severity";
import { CopyLink } from "../parts/copy";
import { Grid, type Column } from "../parts/grid";
import { Icon, SeverityShape } from "../parts/icons";
import { SeverityLabel, StatusLabel } from "../parts/labels";
import { Empty, Loading } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { Score } from "../parts/score";
import { When } from "../parts/when";
import { useSetIncidentStatus } from "./incident/set-status";
import "../styles/alerts.css";
import "../styles/incident.css";

const route = getRouteApi("/shell/incidents");

/** Where the reader was, per filter, so that Esc from an incident comes back to its row. */
const lastCurrent = new Map<string, string>();

export function IncidentsPage() {
  const m = useMessages();
  const filter = route.useSearch();
  const list = useIncidentList(filter);
  const columns = useIncidentColumns();
  const navigate = useNavigate();
  const open = (incident: Incident) => void navigate({ to: "/incidents/$id", params: { id: incident.id } });
  const [current, setCurrent] = useCurrent(list, JSON.stringify(filter), open);
  const nothing = !list.loading && list.error === null && list.rows.length === 0;
  const count = !list.loading && (
    <span className="count" role="status">
      {m.incidents.count(list.rows.length, list.more)}
    </span>
  );
  return (
    <Page title={m.incidents.title} height="fill" beside={count} actions={<CopyLink />}>
      <Filters filter={filter} />
      {list.waiting > 0 && (
        <button type="button" className="fresh" aria-label={m.incidents.freshAria(list.waiting)} onClick={list.fresh}>
          <Icon name="up" />
          {m.alerts.fresh(list.waiting)}
        </button>
      )}
      {list.error !== null && <QueryProblem error={list.error} retry={list.fresh} />}
      {list.loading && <Loading lines={12} />}
      {nothing && (
        <Empty title={m.incidents.emptyTitle}>
          <p>{Object.keys(filter).length > 0 ? m.incidents.emptyFiltered : m.incidents.empty}</p>
        </Empty>
      )}
      {list.rows.length > 0 && (
        <Grid
          label={m.incidents.title}
          rows={list.rows}
          columns={columns}
          rowKey={(row) => row.id}
          rowClass={(row) => row.status}
          current={current}
          onCurrent={setCurrent}
          onOpen={open}
          after={
            list.more && (
              <button type="button" className="button load-more" onClick={list.loadMore}>
                {m.actions.loadMore}
              </button>
            )
          }
        />
      )}
    </Page>
  );
}

interface IncidentList {
  rows: Incident[];
  waiting: number;
  more: boolean;
  loading: boolean;
  error: unknown;
  loadMore: () => void;
  fresh: () => void;
}

const NONE: ReadonlySet<string> = new Set();

function useIncidentList(filter: IncidentsSearch): IncidentList {
  const queries = useQueryClient();
  const options = incidentsQuery(filter);
  const query = useInfiniteQuery(options);
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.incidents) ?? [], [query.data]);
  const of = JSON.stringify(filter);
  const [waiting, setWaiting] = useState<{ of: string; ids: ReadonlySet<string> }>({ of, ids: NONE });
  const ids = waiting.of === of ? waiting.ids : NONE;
  useLiveIncidents((batch) => {
    const known = new Set(rows.map((row) => row.id));
    const added = [...batch.values()].filter((row) => !known.has(row.id) && passes(row, filter));
    setWaiting({ of, ids: new Set([...ids, ...added.map((row) => row.id)]) });
    queries.setQueryData<InfiniteData<IncidentPage, string | undefined>>(options.queryKey, (data) => {
      if (!data) return data;
      const put = (page: IncidentPage) => page.incidents.map((row) => batch.get(row.id) ?? row);
      return { ...data, pages: data.pages.map((page) => ({ ...page, incidents: put(page) })) };
    });
  });
  return {
    rows,
    waiting: ids.size,
    more: query.hasNextPage,
    loading: query.isPending,
    error: query.error,
    loadMore: () => void query.fetchNextPage(),
    fresh: () => {
      setWaiting({ of, ids: NONE });
      void queries.resetQueries({ queryKey: options.queryKey, exact: true });
    },
  };
}

function passes(row: Incident, filter: IncidentsSearch): boolean {
  return (
    (filter.status === undefined || row.status === filter.status) &&
    (filter.severity === undefined || row.severity === filter.severity) &&
    // Whom an incident names is known to the server alone.
    filter.vehicle === undefined
  );
}

function useCurrent(list: IncidentList, key: string, open: (incident: Incident) => void) {
  const m = useMessages();
  const setStatus = useSetIncidentStatus();
  const [current, setState] = useState(() => lastCurrent.get(key));
  const setCurrent = (id: string | undefined) => {
    if (id !== undefined) lastCurrent.set(key, id);
    setState(id);
  };
  const step = (by: number) => () => {
    setCurrent(
      stepRow(
        list.rows.map((row) => row.id),
        current,
        by,
      ),
    );
  };
  const row = list.rows.find((one) => one.id === current);
  useKeys("page", [
    { keys: "j", does: m.keys.next, run: step(1) },
    { keys: "k", does: m.keys.previous, run: step(-1) },
    { keys: "ArrowDown", does: m.keys.next, run: step(1) },
    { keys: "ArrowUp", does: m.keys.previous, run: step(-1) },
    { keys: "Enter", does: m.keys.open, run: () => row && open(row) },
    { keys: "a", does: m.keys.acknowledge, run: () => row && setStatus(row, "acknowledged") },
    { keys: "e", does: m.keys.close, run: () => row && setStatus(row, "closed") },
    { keys: "n", does: m.keys.fresh, run: list.fresh },
  ]);
  return [current, setCurrent] as const;
}

function Filters({ filter }: { filter: IncidentsSearch }) {
  const m = useMessages();
  const navigate = route.useNavigate();
  const apply = (change: IncidentsSearch) => void navigate({ search: { ...filter, ...change }, replace: true });
  return (
    <div className="filter-bar">
      {filter.vehicle !== undefined && (
        <button
          type="button"
          className="chip"
          aria-label={m.alerts.removeFilter(`vehicle:${filter.vehicle}`)}
          onClick={() => apply({ vehicle: undefined })}
        >
          {`vehicle:${filter.vehicle}`}
          <Icon name="cross" />
        </button>
      )}
      <div className="switch" role="group" aria-label={m.status.label}>
        {([undefined, ...INCIDENT_STATUSES] as const).map((status) => (
          <button
            key={status ?? "all"}
            type="button"
            aria-pressed={filter.status === status}
            onClick={() => apply({ status })}
          >
            {m.status[status ?? "all"]}
          </button>
        ))}
      </div>
      <div className="switch" role="group" aria-label={m.severity.label}>
        {([undefined, ...SEVERITIES] as const).map((severity) => (
          <button
            key={severity ?? "any"}
            type="button"
            aria-pressed={filter.severity === severity}
            onClick={() => apply({ severity })}
          >
            {severity && <SeverityShape severity={severity} />}
            {severity ? m.severity[severity] : m.alerts.anySeverity}
          </button>
        ))}
      </div>
      <div className="switch" role="group" aria-label={m.incidents.sort}>
        {INCIDENT_SORTS.map((sort) => (
          <button
            key={sort}
            type="button"
            aria-pressed={(filter.sort ?? "score") === sort}
            onClick={() => apply({ sort: sort === "score" ? undefined : sort })}
          >
            {m.incidents.sorts[sort]}
          </button>
        ))}
      </div>
    </div>
  );
}

function useIncidentColumns(): Column<Incident>[] {
  const m = useMessages();
  const pick = usePick();
  const number = useNumber();
  const titles = m.incidents.columns;
  return [
    { key: "score", title: titles.score, width: "116px", cell: (row) => <Score incident={row} /> },
    {
      key: "severity",
      title: titles.severity,
      width: "96px",
      cell: (row) => <SeverityLabel severity={row.severity} />,
    },
    {
      key: "incident",
      title: titles.incident,
      width: "minmax(240px, 1fr)",
      cell: (row) => (
        <Link to="/incidents/$id" params={{ id: row.id }} tabIndex={-1} className="row-title" title={pick(row.title)}>
          {pick(row.title)}
        </Link>
      ),
    },
    {
      key: "vehicles",
      title: titles.vehicles,
      width: "80px",
      align: "right",
      cell: (row) => number(row.vehicle_count),
    },
    { key: "alerts", title: titles.alerts, width: "72px", align: "right", cell: (row) => number(row.alert_count) },
    { key: "rules", title: titles.rules, width: "64px", align: "right", cell: (row) => number(row.rule_count) },
    {
      key: "first",
      title: titles.first,
      width: "112px",
      align: "right",
      cell: (row) => <When time={row.first_time} as="brief" />,
    },
    {
      key: "last",
      title: titles.last,
      width: "104px",
      align: "right",
      cell: (row) => <When time={row.last_time} as="age" />,
    },
    { key: "status", title: titles.status, width: "132px", cell: (row) => <StatusLabel status={row.status} /> },
  ];
}

// All vehicles: who reports, who is silent, who has something waiting. Filters and order are in the address.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { vehiclesQuery } from "../api/queries";
import type { Vehicle } from "../api/types";
import { useKeys } from "../app/keys";
import { Page } from "../app/page";
import { VEHICLE_STATES, type VehiclesSearch, type VehicleSort } from "../app/search";
import { useMessages, useNumber } from "../app/settings";
import { stepRow } from "../domain/alert-list";
import { arrangeVehicles, naturalOrder } from "../domain/vehicle-list";
import { CopyLink } from "../parts/copy";
import { Grid, type Column } from "../parts/grid";
import { Icon } from "../parts/icons";
import { HealthLabel } from "../parts/labels";
import { Empty, Loading } from "../parts/panel";
import { QueryProblem } from "../parts/problem";
import { When } from "../parts/when";
import "../styles/alerts.css";

const route = getRouteApi("/shell/vehicles");

export function VehiclesPage() {
  const m = useMessages();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(vehiclesQuery);
  const vehicles = query.data?.vehicles;
  const rows = useMemo(() => arrangeVehicles(vehicles ?? [], search), [vehicles, search]);
  const [current, setCurrent] = useState<string>();
  const box = useRef<HTMLInputElement>(null);
  const columns = useColumns(search);
  const open = (row: Vehicle) => void navigate({ to: "/vehicles/$vehicle", params: { vehicle: row.vehicle } });
  const step = (by: number) => () =>
    setCurrent(
      stepRow(
        rows.map((row) => row.vehicle),
        current,
        by,
      ),
    );
  useKeys("page", [
    { keys: "j", does: m.keys.next, run: step(1) },
    { keys: "k", does: m.keys.previous, run: step(-1) },
    { keys: "ArrowDown", does: m.keys.next, run: step(1) },
    { keys: "ArrowUp", does: m.keys.previous, run: step(-1) },
    {
      keys: "Enter",
      does: m.keys.open,
      run: () => {
        const row = rows.find((one) => one.vehicle === current);
        if (row) open(row);
      },
    },
    { keys: "/", does: m.keys.filter, run: () => box.current?.focus() },
  ]);
  const count = vehicles && (
    <span className="count" role="status">
      {m.vehicles.count(rows.length, vehicles.length)}
    </span>
  );
  return (
    <Page title={m.vehicles.title} height="fill" beside={count} actions={<CopyLink />}>
      <VehicleFilters search={search} box={box} />
      {query.isError && <QueryProblem error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Loading lines={12} />}
      {vehicles && rows.length === 0 && (
        <Empty title={m.vehicles.emptyTitle}>
          <p>{vehicles.length === 0 ? m.vehicles.empty : m.vehicles.emptyFiltered}</p>
          {vehicles.length > 0 && (
            <button type="button" className="button" onClick={() => void navigate({ search: {}, replace: true })}>
              {m.actions.clear}
            </button>
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <Grid
          label={m.vehicles.title}
          rows={rows}
          columns={columns}
          rowKey={(row) => row.vehicle}
          rowClass={(row) => row.state}
          current={current}
          onCurrent={setCurrent}
          onOpen={open}
        />
      )}
    </Page>
  );
}

function VehicleFilters({ search, box }: { search: VehiclesSearch; box: React.RefObject<HTMLInputElement | null> }) {
  const m = useMessages();
  const navigate = route.useNavigate();
  const apply = (change: VehiclesSearch) => void navigate({ search: { ...search, ...change }, replace: true });
  return (
    <div className="filter-bar">
      <div className="filter-box" role="search">
        <Icon name="search" />
        {search.model !== undefined && (
          <button
            type="button"
            className="chip"
            aria-label={m.alerts.removeFilter(search.model)}
            onClick={() => apply({ model: undefined })}
          >
            {search.model}
            <Icon name="cross" />
          </button>
        )}
        <input
          ref={box}
          type="search"
          value={search.q ?? ""}
          spellCheck={false}
          aria-label={m.alerts.filter}
          placeholder={m.vehicles.filterPlaceholder}
          onChange={(event) => apply({ q: event.target.value || undefined })}
        />
        <kbd>/</kbd>
      </div>
      <div className="switch" role="group" aria-label={m.vehicles.state}>
        <button type="button" aria-pressed={search.state === undefined} onClick={() => apply({ state: undefined })}>
          {m.vehicles.anyState}
        </button>
        {VEHICLE_STATES.map((state) => (
          <button key={state} type="button" aria-pressed={search.state === state} onClick={() => apply({ state })}>
            {m.vehicles.states[state]}
          </button>
        ))}
      </div>
    </div>
  );
}

function useSorting(search: VehiclesSearch): (sort: VehicleSort) => NonNullable<Column<Vehicle>["sort"]> {
  const navigate = route.useNavigate();
  return (sort) => {
    const active = (search.sort ?? "alerts_open") === sort;
    const order = search.order ?? naturalOrder(sort);
    const next = active ? (order === "up" ? "down" : "up") : naturalOrder(sort);
    return {
      state: active ? order : "off",
      toggle: () => void navigate({ search: { ...search, sort, order: next }, replace: true }),
    };
  };
}

function useColumns(search: VehiclesSearch): Column<Vehicle>[] {
  const m = useMessages();
  const number = useNumber();
  const sort = useSorting(search);
  const titles = m.vehicles.columns;
  const figure = (value: number) => <span className={value === 0 ? "faint" : ""}>{number(value)}</span>;
  return [
    {
      key: "vehicle",
      title: titles.vehicle,
      width: "minmax(150px, 1fr)",
      sort: sort("vehicle"),
      cell: (row) => (
        <Link to="/vehicles/$vehicle" params={{ vehicle: row.vehicle }} tabIndex={-1} className="mono row-title">
          {row.vehicle}
        </Link>
      ),
    },
    { key: "model", title: titles.model, width: "minmax(120px, 1fr)", sort: sort("model"), cell: (row) => row.model },
    {
      key: "state",
      title: titles.state,
      width: "140px",
      sort: sort("state"),
      cell: (row) => <HealthLabel state={row.state} />,
    },
    {
      key: "last_seen",
      title: titles.lastSeen,
      width: "120px",
      sort: sort("last_seen"),
      cell: (row) =>
        row.last_seen ? <When time={row.last_seen} as="age" /> : <span className="faint">{m.time.never}</span>,
    },
    {
      key: "alerts",
      title: titles.alerts,
      width: "90px",
      align: "right",
      sort: sort("alerts_open"),
      cell: (row) => (row.alerts_open === 0 ? figure(0) : <AlertsLink row={row} />),
    },
    {
      key: "events",
      title: titles.events,
      width: "140px",
      align: "right",
      sort: sort("events_24h"),
      cell: (row) => figure(row.events_24h),
    },
    {
      key: "losses",
      title: titles.losses,
      width: "90px",
      align: "right",
      sort: sort("losses"),
      cell: (row) => figure(row.losses),
    },
    {
      key: "sensors",
      title: titles.sensors,
      width: "140px",
      cell: (row) => <span className="mono faint">{row.sensors.join(", ")}</span>,
    },
  ];
}

function AlertsLink({ row }: { row: Vehicle }) {
  const number = useNumber();
  return (
    <Link to="/alerts" search={{ vehicle: row.vehicle }} tabIndex={-1} className="count-link">
      {number(row.alerts_open)}
    </Link>
  );
}

// What a row of the alert list shows.
import { Link } from "@tanstack/react-router";
import type { Alert } from "../../api/types";
import { useMessages, useNumber, usePick } from "../../app/settings";
import type { Column } from "../../parts/grid";
import { SeverityLabel, StatusLabel } from "../../parts/labels";
import { When } from "../../parts/when";

function selectColumn(label: string, selected: ReadonlySet<string>, toggle: (id: string) => void): Column<Alert> {
  return {
    key: "select",
    title: "",
    width: "34px",
    cell: (row) => (
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={label}
        checked={selected.has(row.id)}
        onChange={() => toggle(row.id)}
      />
    ),
  };
}

export function useAlertColumns(selected: ReadonlySet<string>, toggle: (id: string) => void): Column<Alert>[] {
  const m = useMessages();
  const pick = usePick();
  const number = useNumber();
  const titles = m.alerts.columns;
  return [
    selectColumn(titles.select, selected, toggle),
    {
      key: "severity",
      title: titles.severity,
      width: "96px",
      cell: (row) => <SeverityLabel severity={row.severity} />,
    },
    {
      key: "alert",
      title: titles.alert,
      width: "minmax(200px, 1fr)",
      cell: (row) => (
        <Link to="/alerts/$id" params={{ id: row.id }} tabIndex={-1} className="row-title" title={pick(row.title)}>
          {pick(row.title)}
        </Link>
      ),
    },
    {
      key: "vehicle",
      title: titles.vehicle,
      width: "minmax(120px, 190px)",
      cell: (row) =>
        row.vehicle === undefined ? (
          <span className="fleet-wide">{m.alerts.vehicles(row.vehicle_count)}</span>
        ) : (
          <Link to="/vehicles/$vehicle" params={{ vehicle: row.vehicle }} tabIndex={-1} className="mono">
            {row.vehicle}
          </Link>
        ),
    },
    {
      key: "technique",
      title: titles.technique,
      width: "84px",
      cell: (row) => <span className="mono faint">{row.technique ?? m.shared.none}</span>,
    },
    { key: "count", title: titles.count, width: "72px", align: "right", cell: (row) => number(row.count) },
    {
      key: "first",
      title: titles.first,
      width: "104px",
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

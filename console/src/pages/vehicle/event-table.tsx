// The events of the range as rows: the same as the marks of the time line, for eyes, keyboards and screen readers.
import { Link } from "@tanstack/react-router";
import type { SecurityEvent } from "../../api/types";
import { useMessages, useNumber, usePick } from "../../app/settings";
import { eventKey } from "../../domain/lanes";
import { placeName } from "../../domain/place";
import { Grid, type Column } from "../../parts/grid";
import { SeverityLabel } from "../../parts/labels";
import { Quantity } from "../../parts/quantity";
import { When } from "../../parts/when";

interface EventTableProps {
  events: SecurityEvent[];
  selected: string | undefined;
  select: (key: string) => void;
}

export function EventTable({ events, selected, select }: EventTableProps) {
  const m = useMessages();
  const columns = useEventColumns();
  return (
    <Grid
      label={m.vehicle.events}
      rows={events}
      columns={columns}
      rowKey={eventKey}
      current={selected}
      onCurrent={select}
    />
  );
}

function useEventColumns(): Column<SecurityEvent>[] {
  const m = useMessages();
  const pick = usePick();
  const number = useNumber();
  const titles = m.alert.columns;
  return [
    { key: "time", title: titles.time, width: "104px", cell: (row) => <When time={row.time} as="brief" /> },
    {
      key: "severity",
      title: m.severity.label,
      width: "96px",
      cell: (row) => <SeverityLabel severity={row.severity} />,
    },
    { key: "event", title: titles.event, width: "minmax(180px, 1fr)", cell: (row) => pick(row.title) },
    { key: "count", title: m.alert.countColumn, width: "70px", align: "right", cell: (row) => number(row.count) },
    { key: "bus", title: titles.bus, width: "60px", align: "right", cell: (row) => row.bus ?? m.shared.none },
    {
      key: "id",
      title: titles.id,
      width: "100px",
      cell: (row) => <span className="mono">{row.can_id ?? m.shared.none}</span>,
    },
    {
      key: "expected",
      title: titles.expected,
      width: "110px",
      align: "right",
      cell: (row) => <Quantity event={row} which="expected" />,
    },
    {
      key: "observed",
      title: titles.observed,
      width: "110px",
      align: "right",
      cell: (row) => <Quantity event={row} which="observed" />,
    },
    {
      key: "speed",
      title: titles.speed,
      width: "90px",
      align: "right",
      cell: (row) => (row.speed_kmh === undefined ? m.shared.none : `${number(row.speed_kmh)} km/h`),
    },
    {
      key: "evidence",
      title: titles.evidence,
      width: "90px",
      align: "right",
      cell: (row) => (
        <Link to="/evidence/$position" params={{ position: String(row.position) }} tabIndex={-1}>
          {placeName(row.position, number)}
        </Link>
      ),
    },
  ];
}

// A table of any length that a person walks with the keyboard: only the rows in view exist.
// Not a spreadsheet: whole rows are current, selected and opened. Rows are one line high, always.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type CSSProperties, type MouseEvent, type ReactNode } from "react";
import { useMessages } from "../app/settings";
import { Icon } from "./icons";

export interface Column<Row> {
  key: string;
  title: string;
  /** A CSS grid track. */
  width: string;
  align?: "right";
  cell: (row: Row) => ReactNode;
  /** Absent if the column does not sort. */
  sort?: { state: "up" | "down" | "off"; toggle: () => void };
}

interface GridProps<Row> {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  rowClass?: (row: Row) => string;
  current?: string | undefined;
  selected?: ReadonlySet<string>;
  onCurrent?: (key: string) => void;
  onOpen?: (row: Row) => void;
  /** Stands after the last row. */
  after?: ReactNode;
}

const ROW_HEIGHT = 34;
const OVERSCAN = 12;

export function Grid<Row>(props: GridProps<Row>) {
  const { rows, columns, rowKey, current } = props;
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoised over the virtualizer
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
  });
  const currentIndex = current === undefined ? -1 : rows.findIndex((row) => rowKey(row) === current);
  useEffect(() => {
    if (currentIndex >= 0) virtual.scrollToIndex(currentIndex, { align: "auto" });
    // Only a new current row scrolls; new rows around it do not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [current]);
  const tracks = { "--tracks": columns.map((column) => column.width).join(" ") } as CSSProperties;
  return (
    <div ref={scroller} className="grid">
      <div
        className="grid-table"
        role="grid"
        tabIndex={0}
        style={tracks}
        aria-label={props.label}
        aria-rowcount={rows.length + 1}
        aria-multiselectable={props.selected ? true : undefined}
        aria-activedescendant={currentIndex >= 0 ? `row-${current ?? ""}` : undefined}
      >
        <div className="grid-head" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <HeadCell key={column.key} column={column} />
          ))}
        </div>
        <div className="grid-rows" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            return <RowView key={item.key} {...props} row={row} index={item.index} top={item.start} />;
          })}
        </div>
      </div>
      {props.after}
    </div>
  );
}

function HeadCell<Row>({ column }: { column: Column<Row> }) {
  const m = useMessages();
  const { sort, title } = column;
  const sorted = sort && sort.state !== "off" ? (sort.state === "up" ? "ascending" : "descending") : undefined;
  return (
    <div role="columnheader" className={column.align} aria-sort={sorted}>
      {sort ? (
        <button type="button" onClick={sort.toggle} title={m.vehicles.sortBy(title)}>
          {title}
          {sort.state !== "off" && <Icon name={sort.state} />}
        </button>
      ) : (
        title
      )}
    </div>
  );
}

interface RowProps<Row> extends GridProps<Row> {
  row: Row;
  index: number;
  top: number;
}

function RowView<Row>({
  row,
  index,
  top,
  columns,
  rowKey,
  rowClass,
  current,
  selected,
  onCurrent,
  onOpen,
}: RowProps<Row>) {
  const key = rowKey(row);
  const classes = ["grid-row", rowClass?.(row), key === current ? "current" : undefined].filter(Boolean).join(" ");
  const open = (event: MouseEvent<HTMLElement>) => {
    onCurrent?.(key);
    // Links and buttons in the row act for themselves; marking text does not open.
    if ((event.target as Element).closest("a, button, input, label") || getSelection()?.toString()) return;
    onOpen?.(row);
  };
  return (
    <div
      id={`row-${key}`}
      className={classes}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected ? selected.has(key) : undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={open}
    >
      {columns.map((column) => (
        <div key={column.key} role="gridcell" className={column.align}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

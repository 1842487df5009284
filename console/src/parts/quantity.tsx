// An event's allowed and seen values with the unit that the event catalogue states for them.
import { useQuery } from "@tanstack/react-query";
import { catalogueQuery } from "../api/queries";
import type { CatalogueEntry, SecurityEvent } from "../api/types";
import { useMessages, useNumber } from "../app/settings";

/** The catalogue's entry for an event, once the catalogue is here. */
export function useCatalogue(): (eventId: string) => CatalogueEntry | undefined {
  const { data } = useQuery(catalogueQuery);
  return (eventId) => data?.events.find((entry) => entry.event_id === eventId);
}

/** Microseconds read better as milliseconds; every other unit stays as it is. */
export function inReadableUnit(value: number, unit: string): { value: number; unit: string; digits: number } {
  return unit === "µs" ? { value: value / 1000, unit: "ms", digits: 3 } : { value, unit, digits: 0 };
}

export function Quantity({ event, which }: { event: SecurityEvent; which: "expected" | "observed" }) {
  const m = useMessages();
  const number = useNumber();
  const entry = useCatalogue()(event.event_id);
  const raw = event[which];
  const unit = which === "expected" ? entry?.expected_unit : entry?.observed_unit;
  // Without a unit the catalogue says that this event does not use the number.
  const unused = entry !== undefined && !unit;
  if (raw === undefined || unused) return <span className="faint">{m.shared.none}</span>;
  const shown = inReadableUnit(raw, unit ?? "");
  const units: Partial<Record<string, string>> = m.units;
  return (
    <span className="quantity">
      {number(shown.value, shown.digits)}
      {shown.unit && <small>{units[shown.unit] ?? shown.unit}</small>}
    </span>
  );
}

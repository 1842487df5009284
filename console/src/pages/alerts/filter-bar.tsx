// The filters of the alert list. What is chosen is the address, so a link carries it.
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState, type RefObject, type SyntheticEvent } from "react";
import { useMessages } from "../../app/settings";
import { parseFilterText, STATUS_FILTERS, type AlertFilter } from "../../domain/alert-list";
import { SEVERITIES } from "../../domain/severity";
import { Icon, SeverityShape } from "../../parts/icons";

const route = getRouteApi("/shell/alerts");

/** The filter that the address holds, and how to change it. */
export function useAlertFilter(): { filter: AlertFilter; apply: (filter: AlertFilter) => void } {
  const { status, severity, vehicle, rule, q } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useMemo(
    (): AlertFilter => ({ status: status ?? "unresolved", severity, vehicle, rule, words: q ?? "" }),
    [status, severity, vehicle, rule, q],
  );
  const apply = (next: AlertFilter) => {
    const { status, severity, vehicle, rule, words } = next;
    const search = {
      severity,
      vehicle,
      rule,
      status: status === "unresolved" ? undefined : status,
      q: words || undefined,
    };
    void navigate({ search, replace: true });
  };
  return { filter, apply };
}

interface FilterBarProps {
  filter: AlertFilter;
  apply: (filter: AlertFilter) => void;
  box: RefObject<HTMLInputElement | null>;
}

export function FilterBar({ filter, apply, box }: FilterBarProps) {
  const m = useMessages();
  return (
    <div className="filter-bar">
      <FilterBox filter={filter} apply={apply} box={box} />
      <div className="switch" role="group" aria-label={m.status.label}>
        {STATUS_FILTERS.map((status) => (
          <button
            key={status}
            type="button"
            aria-pressed={filter.status === status}
            onClick={() => apply({ ...filter, status })}
          >
            {m.status[status]}
          </button>
        ))}
      </div>
      <div className="switch" role="group" aria-label={m.severity.label}>
        <button
          type="button"
          aria-pressed={filter.severity === undefined}
          onClick={() => apply({ ...filter, severity: undefined })}
        >
          {m.alerts.anySeverity}
        </button>
        {SEVERITIES.map((severity) => (
          <button
            key={severity}
            type="button"
            aria-pressed={filter.severity === severity}
            onClick={() => apply({ ...filter, severity })}
          >
            <SeverityShape severity={severity} />
            {m.severity[severity]}
          </button>
        ))}
      </div>
    </div>
  );
}

function FilterBox({ filter, apply, box }: FilterBarProps) {
  const m = useMessages();
  const [typing, setTyping] = useState({ words: filter.words, text: filter.words });
  if (typing.words !== filter.words) setTyping({ words: filter.words, text: filter.words });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const typed = parseFilterText(typing.text);
    apply({ ...filter, words: typed.words, vehicle: typed.vehicle ?? filter.vehicle, rule: typed.rule ?? filter.rule });
    box.current?.blur();
  };
  const chips = (["vehicle", "rule"] as const).filter((name) => filter[name] !== undefined);
  return (
    <form className="filter-box" role="search" onSubmit={submit}>
      <Icon name="search" />
      {chips.map((name) => (
        <button
          key={name}
          type="button"
          className="chip"
          aria-label={m.alerts.removeFilter(`${name}:${filter[name] ?? ""}`)}
          onClick={() => apply({ ...filter, [name]: undefined })}
        >
          {name}:{filter[name]?.slice(0, 24)}
          <Icon name="cross" />
        </button>
      ))}
      <input
        ref={box}
        type="search"
        value={typing.text}
        spellCheck={false}
        aria-label={m.alerts.filter}
        title={m.alerts.filterHelp}
        placeholder={m.alerts.filterPlaceholder}
        onChange={(event) => {
          setTyping({ words: filter.words, text: event.target.value });
          if (event.target.value === "" && filter.words !== "") apply({ ...filter, words: "" });
        }}
      />
      <kbd>/</kbd>
    </form>
  );
}

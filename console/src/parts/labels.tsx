// Severity, status and health as small labels: shape, word and colour together.
import type { AlertStatus, Severity, VehicleHealth } from "../api/types";
import { useMessages } from "../app/settings";
import { SeverityShape } from "./icons";

export function SeverityLabel({ severity }: { severity: Severity }) {
  const m = useMessages();
  return (
    <span className={`severity ${severity}`}>
      <SeverityShape severity={severity} />
      {m.severity[severity]}
    </span>
  );
}

export function StatusLabel({ status }: { status: AlertStatus }) {
  const m = useMessages();
  return (
    <span className={`status ${status}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true" focusable="false">
        <circle cx="6" cy="6" r="4.5" />
        {status === "acknowledged" && <path d="M6 1.5a4.5 4.5 0 0 1 0 9z" className="fill" />}
        {status === "closed" && <path d="m3.8 6.2 1.6 1.6 3-3.4" />}
      </svg>
      {m.status[status]}
    </span>
  );
}

export function HealthLabel({ state }: { state: VehicleHealth }) {
  const m = useMessages();
  return (
    <span className={`health ${state}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true" focusable="false">
        {state === "reporting" && <circle cx="6" cy="6" r="4" className="fill" />}
        {state === "silent" && <path d="m2.5 2.5 7 7m0-7-7 7" />}
        {state === "never" && <circle cx="6" cy="6" r="4" strokeDasharray="2 1.5" />}
      </svg>
      {m.vehicles.states[state]}
    </span>
  );
}

// The console's drawings: one stroke width, one size, no text. Decorative; what they mean is said beside them.
import type { Severity } from "../api/types";

const PATHS = {
  overview: "M2.5 13.5h11M4 11V7M8 11V3M12 11V5.5",
  alerts: "M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11.3v.2",
  incidents:
    "M3 4.2a1.4 1.4 0 1 0 2.8 0 1.4 1.4 0 0 0-2.8 0ZM10.2 7.8a1.4 1.4 0 1 0 2.8 0 1.4 1.4 0 0 0-2.8 0ZM3 11.8a1.4 1.4 0 1 0 2.8 0 1.4 1.4 0 0 0-2.8 0ZM5.8 4.8l4.5 2.4M5.8 11.2l4.5-2.7",
  vehicles: "M2 10.5V9l1.5-1L5 4.5h5.5L12.5 8l1.5.7v1.8h-1.5M2 10.5h1.5M6.5 10.5h3M3.5 8h9",
  products: "M8 2 13.5 5v6L8 14 2.5 11V5L8 2ZM2.5 5 8 8l5.5-3M8 8v6",
  rules: "M3 3.5h10M3 8h10M3 12.5h6M11 12.5l1 1 2-2.5",
  evidence: "M8 1.8 13 3.7v4c0 3-2 5.3-5 6.5-3-1.2-5-3.5-5-6.5v-4L8 1.8ZM5.8 8l1.6 1.6L10.5 6.5",
  help: "M6 6a2 2 0 1 1 2.8 1.8c-.5.3-.8.6-.8 1.2v.5M8 11.5v.2",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13 9.7A5.5 5.5 0 0 1 6.3 3a5.5 5.5 0 1 0 6.7 6.7Z",
  screen: "M2 3.5h12v7.5H2zM5.5 13.5h5",
  copy: "M5.5 5.5h7.5v7.5H5.5zM3 10.5V3h7.5",
  link: "M7 9a2.5 2.5 0 0 0 3.6 0l2-2A2.5 2.5 0 0 0 9 3.4l-.8.8M9 7a2.5 2.5 0 0 0-3.6 0l-2 2A2.5 2.5 0 0 0 7 12.6l.8-.8",
  download: "M8 2.5v7M5 7l3 3 3-3M3 13h10",
  check: "m3 8.5 3.2 3.2L13 5",
  cross: "m4 4 8 8M12 4l-8 8",
  undo: "M6 3.5 3 6.5l3 3M3 6.5h6.5a3.2 3.2 0 0 1 0 6.5H7",
  back: "M9.5 3.5 5 8l4.5 4.5",
  forward: "M6.5 3.5 11 8l-4.5 4.5",
  zoomOut: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3 13.5 13.5M5 7h4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3 13.5 13.5",
  up: "M8 12.5v-9M4.5 7 8 3.5 11.5 7",
  down: "M8 3.5v9M4.5 9 8 12.5 11.5 9",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 4.8V8l2.2 1.5",
  exit: "M6.5 2.5H3v11h3.5M7 8h6.5M11 5.5 13.5 8 11 10.5",
  warning: "M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11.3v.2",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon-drawing" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A shape for each severity, so that colour is never alone. */
const SHAPES: Record<Severity, string> = {
  critical: "M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2L5.2 1Z",
  high: "M8 1.5 15 14H1L8 1.5Z",
  medium: "M8 1 15 8l-7 7-7-7 7-7Z",
  low: "M2.5 2.5h11v11h-11z",
  informational: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z",
};

export function severityPath(severity: Severity): string {
  return SHAPES[severity];
}

export function SeverityShape({ severity }: { severity: Severity }) {
  return (
    <svg className={`shape ${severity}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={SHAPES[severity]} />
    </svg>
  );
}

/** The watchtower. */
export function Tower() {
  return (
    <svg className="tower" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M4 11.5C8.5 10.9 13.3 8.8 16 5.5c2.7 3.3 7.5 5.4 12 6M8.5 12.5v5.5h15v-5.5M6.5 18h19M11 18 8.3 28M21 18l2.7 10M10 22.5h12" />
      <circle cx="16" cy="15" r="1.6" />
    </svg>
  );
}

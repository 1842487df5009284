// Severities in the order of their rank, worst first.
import type { AlertCounts, Severity } from "../api/types";

export const SEVERITIES = ["critical", "high", "medium", "low", "informational"] as const satisfies Severity[];

export function isSeverity(value: unknown): value is Severity {
  return (SEVERITIES as readonly unknown[]).includes(value);
}

export function totalOf(counts: AlertCounts): number {
  return SEVERITIES.reduce((sum, severity) => sum + counts[severity], 0);
}

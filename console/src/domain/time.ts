// Times as the API writes them (RFC 3339, UTC, microseconds) and as people read them.
// Not a clock: "now" is an argument. As a double, microseconds are exact until the year 2255, milliseconds with a fraction
// keep their microsecond until 2200.

/** Which clock face the reader wants. */
export type Zone = "utc" | "local";

/** A time taken apart for display. */
export interface Face {
  date: string;
  time: string;
  /** Six digits. */
  micros: string;
  /** `UTC` or an offset such as `+09:00`. */
  zone: string;
}

const RFC3339 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$/;

/** Microseconds since 1970, or NaN if the text is not a UTC time. */
export function microsOf(text: string): number {
  const match = RFC3339.exec(text);
  if (!match) return NaN;
  const seconds = Date.parse(`${match[1] ?? ""}T${match[2] ?? ""}Z`) / 1000;
  return seconds * 1e6 + Number((match[3] ?? "").slice(0, 6).padEnd(6, "0"));
}

/** Milliseconds since 1970, with a fraction. */
export function millisOf(text: string): number {
  return microsOf(text) / 1000;
}

/** Whole milliseconds, and the microseconds within the second as six digits. */
function split(millis: number): [number, string] {
  const micros = Math.round(millis * 1000);
  return [Math.floor(micros / 1000), String(((micros % 1e6) + 1e6) % 1e6).padStart(6, "0")];
}

/** The API's text for a time. */
export function rfc3339(millis: number): string {
  const [whole, micros] = split(millis);
  return `${new Date(whole).toISOString().slice(0, 19)}.${micros}Z`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** What the clock shows at `millis` in the wanted zone. */
export function faceOf(millis: number, zone: Zone): Face {
  const [whole, micros] = split(millis);
  const date = new Date(whole);
  if (zone === "utc") {
    const iso = date.toISOString();
    return { date: iso.slice(0, 10), time: iso.slice(11, 19), micros, zone: "UTC" };
  }
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  return {
    date: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    time: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    micros,
    zone: `${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`,
  };
}

/** Time alone if it is of the same day as `now`, else month, day and time. */
export function briefTime(millis: number, now: number, zone: Zone): string {
  const face = faceOf(millis, zone);
  return face.date === faceOf(now, zone).date ? face.time : `${face.date.slice(5)} ${face.time.slice(0, 5)}`;
}

/** Everything: date, time, microseconds and zone. */
export function fullTime(millis: number, zone: Zone): string {
  const face = faceOf(millis, zone);
  return `${face.date} ${face.time}.${face.micros} ${face.zone}`;
}

/** A length of time in its largest sensible unit. */
export interface Span {
  unit: "seconds" | "minutes" | "hours" | "days";
  value: number;
}

export function spanOf(millis: number): Span {
  const seconds = Math.max(0, Math.floor(millis / 1000));
  if (seconds < 60) return { unit: "seconds", value: seconds };
  if (seconds < 3600) return { unit: "minutes", value: Math.floor(seconds / 60) };
  if (seconds < 48 * 3600) return { unit: "hours", value: Math.floor(seconds / 3600) };
  return { unit: "days", value: Math.floor(seconds / 86_400) };
}

/** Microseconds as signed milliseconds with three decimals, with a true minus sign. */
export function signedMillis(micros: number): string {
  const text = (Math.abs(micros) / 1000).toFixed(3);
  if (micros === 0) return "0.000";
  return `${micros < 0 ? "−" : "+"}${text}`;
}

// Times keep their microseconds, and ages read as people say them.
import { expect, test } from "vitest";
import { briefTime, faceOf, fullTime, microsOf, millisOf, rfc3339, signedMillis, spanOf } from "./time";

test("microseconds survive the way through a number and back", () => {
  for (const text of ["2026-11-22T12:03:11.123456Z", "1970-01-01T00:00:00.000001Z", "2199-01-01T00:00:00.999999Z"]) {
    expect(rfc3339(millisOf(text))).toBe(text);
  }
});

test("a fraction that rounds up carries over", () => {
  expect(rfc3339(1999.9996)).toBe("1970-01-01T00:00:02.000000Z");
  expect(faceOf(-0.001, "utc").micros).toBe("999999");
});

test("a text that is no UTC time is not a number", () => {
  for (const text of ["", "yesterday", "2026-11-22", "2026-11-22T12:03:11+09:00"]) expect(microsOf(text)).toBeNaN();
});

test("nanoseconds are cut, missing fractions are zero", () => {
  expect(microsOf("1970-01-01T00:00:01.123456789Z")).toBe(1_123_456);
  expect(microsOf("1970-01-01T00:00:01Z")).toBe(1_000_000);
});

test("the face of a clock in UTC", () => {
  expect(faceOf(millisOf("2026-11-22T12:03:11.000070Z"), "utc")).toEqual({
    date: "2026-11-22",
    time: "12:03:11",
    micros: "000070",
    zone: "UTC",
  });
  expect(fullTime(0, "utc")).toBe("1970-01-01 00:00:00.000000 UTC");
});

test("the local face names its offset", () => {
  expect(faceOf(0, "local").zone).toMatch(/^[+-]\d\d:\d\d$/);
});

test("a brief time has a date only if it is of another day", () => {
  const noon = Date.UTC(2026, 10, 22, 12);
  expect(briefTime(noon - 3_600_000, noon, "utc")).toBe("11:00:00");
  expect(briefTime(noon - 24 * 3_600_000, noon, "utc")).toBe("11-21 12:00");
});

test("ages use the largest sensible unit and never go below zero", () => {
  expect(spanOf(-5)).toEqual({ unit: "seconds", value: 0 });
  expect(spanOf(59_999)).toEqual({ unit: "seconds", value: 59 });
  expect(spanOf(3_600_000)).toEqual({ unit: "hours", value: 1 });
  expect(spanOf(47 * 3_600_000)).toEqual({ unit: "hours", value: 47 });
  expect(spanOf(48 * 3_600_000)).toEqual({ unit: "days", value: 2 });
});

test("distances carry their sign", () => {
  expect([signedMillis(-657), signedMillis(0), signedMillis(12_000)]).toEqual(["−0.657", "0.000", "+12.000"]);
});

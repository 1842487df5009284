// Addresses: what is known is kept, what is broken or hostile is dropped.
import { expect, test } from "vitest";
import { alertsSearch, signInSearch, vehicleSearch, vehiclesSearch } from "./search";

test("known filters are kept and unknown ones dropped", () => {
  expect(alertsSearch({ status: "closed", severity: "high", vehicle: 17, other: 1 })).toEqual({
    status: "closed",
    severity: "high",
    vehicle: "17",
  });
  expect(alertsSearch({ status: "x", severity: ["high"], vehicle: {}, q: "" })).toEqual({});
  expect(vehiclesSearch({ sort: "losses", order: "up", state: "silent", model: "m" })).toEqual({
    sort: "losses",
    order: "up",
    state: "silent",
    model: "m",
  });
});

test("a range needs both ends in the right order, and wins over a following one", () => {
  const [from, to] = ["2026-11-22T12:00:00.000000Z", "2026-11-22T12:10:00.000000Z"];
  expect(vehicleSearch({ from, to, last: "1h" })).toEqual({ from, to });
  expect(vehicleSearch({ from: to, to: from, last: "1h" })).toEqual({ last: "1h" });
  expect(vehicleSearch({ from, to: "tomorrow" })).toEqual({});
});

test("an event is named by its place in the vault", () => {
  expect(vehicleSearch({ event: "12-3" })).toEqual({ event: "12-3" });
  expect(vehicleSearch({ event: "<script>" })).toEqual({});
});

test("after sign-in one goes to pages of this console only", () => {
  expect(signInSearch({ next: "/alerts?status=all" })).toEqual({ next: "/alerts?status=all" });
  for (const next of ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/sign-in"]) {
    expect(signInSearch({ next })).toEqual({});
  }
});

// The vehicle list: what needs attention first, names in the order people count.
import { expect, test } from "vitest";
import type { Vehicle } from "../api/types";
import { arrangeVehicles } from "./vehicle-list";

const vehicle = (name: string, change: Partial<Vehicle> = {}): Vehicle => ({
  vehicle: name,
  model: "Model 3",
  sensors: ["gateway"],
  state: "reporting",
  events_24h: 0,
  alerts_open: 0,
  losses: 0,
  ...change,
});

const names = (vehicles: Vehicle[]) => vehicles.map((one) => one.vehicle);
const fleet = [vehicle("v10"), vehicle("v2", { alerts_open: 3 }), vehicle("v1", { state: "silent", model: "Kona" })];

test("most alerts first, then by name with numbers as numbers", () => {
  expect(names(arrangeVehicles(fleet, {}))).toEqual(["v2", "v1", "v10"]);
});

test("sorting by state brings the silent ones to the top", () => {
  expect(names(arrangeVehicles(fleet, { sort: "state" }))).toEqual(["v1", "v2", "v10"]);
});

test("order can be turned around", () => {
  expect(names(arrangeVehicles(fleet, { sort: "vehicle", order: "down" }))).toEqual(["v10", "v2", "v1"]);
});

test("filters narrow by state, model and text", () => {
  expect(names(arrangeVehicles(fleet, { state: "silent" }))).toEqual(["v1"]);
  expect(names(arrangeVehicles(fleet, { model: "Kona" }))).toEqual(["v1"]);
  expect(names(arrangeVehicles(fleet, { q: "KONA" }))).toEqual(["v1"]);
  expect(names(arrangeVehicles(fleet, { q: "nobody" }))).toEqual([]);
});

// Filtering and sorting of the vehicle list, which the server gives whole.
import type { Vehicle } from "../api/types";
import type { VehiclesSearch, VehicleSort } from "../app/search";

const STATE_RANK = { silent: 0, never: 1, reporting: 2 };

function valueOf(vehicle: Vehicle, sort: VehicleSort): string | number {
  switch (sort) {
    case "vehicle":
    case "model":
      return vehicle[sort];
    case "last_seen":
      return vehicle.last_seen ?? "";
    case "state":
      return STATE_RANK[vehicle.state];
    default:
      return vehicle[sort];
  }
}

/** Text sorts by name with numbers as numbers; everything else by value. Equal rows keep the order of their names. */
export function arrangeVehicles(vehicles: Vehicle[], search: VehiclesSearch): Vehicle[] {
  const words = (search.q ?? "").toLowerCase();
  const sort = search.sort ?? "alerts_open";
  const direction = (search.order ?? naturalOrder(sort)) === "up" ? 1 : -1;
  const names = new Intl.Collator("en", { numeric: true });
  return vehicles
    .filter((one) => search.state === undefined || one.state === search.state)
    .filter((one) => search.model === undefined || one.model === search.model)
    .filter((one) => `${one.vehicle} ${one.model}`.toLowerCase().includes(words))
    .sort((a, b) => {
      const [x, y] = [valueOf(a, sort), valueOf(b, sort)];
      const by = typeof x === "number" && typeof y === "number" ? x - y : names.compare(String(x), String(y));
      return by === 0 ? names.compare(a.vehicle, b.vehicle) : by * direction;
    });
}

/** The order a column starts with when it is first sorted by: names from A, figures from the largest. */
export function naturalOrder(sort: VehicleSort): "up" | "down" {
  return sort === "vehicle" || sort === "model" || sort === "state" ? "up" : "down";
}

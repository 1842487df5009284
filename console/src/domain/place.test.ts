// A position names partition and record.
import { expect, test } from "vitest";
import { placeName, placeOf, positionOf } from "./place";

test("a position names partition and record", () => {
  const position = 5 * 2 ** 48 + 17;
  expect(placeOf(position)).toEqual({ partition: 5, number: 17 });
  expect(positionOf({ partition: 5, number: 17 })).toBe(position);
  expect(positionOf({ partition: 32, number: 1 })).toBeUndefined();
  expect(placeName(position, String)).toBe("p5 · 17");
  expect(placeName(17, String)).toBe("17");
});

// Where a record is: its partition and its number there, in one position.
// Not a number to compute with: above 2^53 a position is not exact, so positions are exact in partitions 0 to 31.

/** As server::place: the partition's number above so many bits. */
const POSITION_BITS = 48;

export interface Place {
  partition: number;
  number: number;
}

export function placeOf(position: number): Place {
  const partition = Math.floor(position / 2 ** POSITION_BITS);
  return { partition, number: position - partition * 2 ** POSITION_BITS };
}

/** The inverse of placeOf; undefined where a position would not be exact. */
export function positionOf(place: Place): number | undefined {
  const position = place.partition * 2 ** POSITION_BITS + place.number;
  return Number.isSafeInteger(position) && place.number < 2 ** POSITION_BITS ? position : undefined;
}

/** A position as people read it: the plain number in partition 0, which is a single node's only one; else `p3 · 1,204`. */
export function placeName(position: number, number: (value: number) => string): string {
  const place = placeOf(position);
  return place.partition === 0 ? number(position) : `p${place.partition} · ${number(place.number)}`;
}

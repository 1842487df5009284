// The catalogues are complete: no empty text, nothing left in English, no parameter forgotten. (Missing keys fail tsc.)
import { expect, test } from "vitest";
import { en } from "./en";
import { ja } from "./ja";

type Leaf = string | ((...args: unknown[]) => string);

function leaves(node: unknown, path: string): [string, Leaf][] {
  if (typeof node === "string" || typeof node === "function") return [[path, node as Leaf]];
  return Object.entries(node as Record<string, unknown>).flatMap(([key, value]) => leaves(value, `${path}.${key}`));
}

const english = leaves(en, "en");
const japanese = new Map(leaves(ja, "en"));

/** Words that are the same in both languages on purpose. */
const SAME = new Set([
  "en.product",
  "en.settings.zones.utc",
  "en.signIn.placeholder",
  "en.evidence.sha256",
  "en.alert.columns.delta",
  "en.alert.kinds.fd",
  "en.shared.none",
]);

test("every text is translated", () => {
  const left = english
    .filter(([path, text]) => typeof text === "string" && japanese.get(path) === text)
    .map(([path]) => path)
    .filter((path) => !SAME.has(path) && !path.startsWith("en.vehicle.gears."));
  expect(left).toEqual([]);
});

test("no text is empty", () => {
  const empty = [...english, ...japanese].filter(([, text]) => text === "").map(([path]) => path);
  expect(empty).toEqual([]);
});

test("every text with parameters shows all of them in both languages", () => {
  for (const [path, text] of english) {
    const other = japanese.get(path);
    if (typeof text !== "function" || typeof other !== "function") continue;
    const args = Array.from({ length: text.length }, (_, i) => 71 + i);
    const flags = path.endsWith("count") || path.endsWith("countFiltered");
    for (const render of [text, other]) {
      const shown = render(...args);
      const missing = args.filter((arg) => !shown.includes(String(arg)));
      expect(flags ? missing.slice(0, 0) : missing, `${path}: ${shown}`).toEqual([]);
    }
  }
});

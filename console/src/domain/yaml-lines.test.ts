// A rule's source is coloured without losing a character.
import { expect, test } from "vitest";
import { yamlLines } from "./yaml-lines";

const SOURCE = `title: Flood # not a comment to us
# a comment
detection:
    event:
        event_name|contains: FLOOD
        speed_kmh|gte: 30
    condition: event
tags:
    - attack.t0814
`;

test("every character stays", () => {
  const joined = yamlLines(SOURCE, new Set())
    .map((line) => line.parts.map((part) => part.text).join(""))
    .join("\n");
  expect(`${joined}\n`).toBe(SOURCE);
});

test("lines about matched fields are marked, with or without modifiers", () => {
  const marked = yamlLines(SOURCE, new Set(["event_name", "speed_kmh"])).flatMap((line, i) =>
    line.matched ? [i + 1] : [],
  );
  expect(marked).toEqual([5, 6]);
});

test("comments and keys have their colours", () => {
  const lines = yamlLines(SOURCE, new Set());
  expect(lines[1]?.parts).toEqual([{ kind: "comment", text: "# a comment" }]);
  expect(lines[2]?.parts[1]).toEqual({ kind: "key", text: "detection" });
});

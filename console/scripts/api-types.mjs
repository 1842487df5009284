// Makes src/api/schema.d.ts from openapi.json; with --check, fails if the file is not what would be made.
import { readFile, writeFile } from "node:fs/promises";
import openapi, { astToString } from "openapi-typescript";

const here = new URL("../", import.meta.url);
const target = new URL("src/api/schema.d.ts", here);

/** The API leaves absent values out; its schema generator says "or null" as well, which never comes. */
function withoutNull(node) {
  if (Array.isArray(node)) return node.map(withoutNull);
  if (typeof node !== "object" || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => {
    if (key === "type" && Array.isArray(value)) return [key, value.filter((one) => one !== "null")];
    if (key === "oneOf" && Array.isArray(value)) return [key, withoutNull(value.filter((one) => one.type !== "null"))];
    return [key, withoutNull(value)];
  });
  return Object.fromEntries(entries);
}

const document = withoutNull(JSON.parse(await readFile(new URL("openapi.json", here), "utf8")));
const made =
  "// The API's types, made from openapi.json by `npm run api`. Do not edit.\n\n" +
  astToString(await openapi(document));

if (process.argv.includes("--check")) {
  const present = await readFile(target, "utf8").catch(() => "");
  if (present !== made) {
    console.error("src/api/schema.d.ts is not made from the present openapi.json; run `npm run api` and commit it");
    process.exit(1);
  }
} else {
  await writeFile(target, made);
}

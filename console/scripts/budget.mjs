// Measures the built console as a browser loads it (brotli, quality 11) and fails when it outgrows its budget.
// First load = index.html, the entry, everything it imports statically, its styles, and the page behind "/".
import { readFile } from "node:fs/promises";
import { brotliCompressSync } from "node:zlib";

const FIRST_LOAD_MAX = 200_000;
const CHUNK_MAX = 130_000;
const FIRST_PAGE = "src/pages/overview.tsx";

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(await readFile(new URL(".vite/manifest.json", dist), "utf8"));

const sizes = new Map();
async function size(file) {
  const known = sizes.get(file);
  if (known !== undefined) return known;
  const bytes = brotliCompressSync(await readFile(new URL(file, dist))).length;
  sizes.set(file, bytes);
  return bytes;
}

/** Files that a browser needs to run the chunk `key`. */
function closure(key, found = new Set(), seen = new Set()) {
  if (seen.has(key)) return found;
  seen.add(key);
  const chunk = manifest[key];
  if (!chunk) throw new Error(`the manifest has no chunk ${key}`);
  found.add(chunk.file);
  for (const file of chunk.css ?? []) found.add(file);
  for (const imported of chunk.imports ?? []) closure(imported, found, seen);
  return found;
}

const first = new Set(["index.html", ...closure("index.html"), ...closure(FIRST_PAGE)]);
let total = 0;
for (const file of first) total += await size(file);

const tooBig = [];
for (const { file } of Object.values(manifest)) {
  if ((await size(file)) > CHUNK_MAX) tooBig.push(`${file} is ${await size(file)} bytes, allowed are ${CHUNK_MAX}`);
}
if (total > FIRST_LOAD_MAX) tooBig.push(`the first load is ${total} bytes, allowed are ${FIRST_LOAD_MAX}`);

for (const [file, bytes] of [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 6)) {
  console.log(`${String(bytes).padStart(8)}  ${file}${first.has(file) ? "" : "  (later)"}`);
}
console.log(`first load: ${total} bytes brotli of ${FIRST_LOAD_MAX}`);
for (const line of tooBig) console.error(`over budget: ${line}`);
process.exit(tooBig.length > 0 ? 1 : 0);

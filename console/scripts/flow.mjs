// Starts the demo (`yagura demo`, a server and a small fleet that is attacked), drives the console against it, ends it.
// With YAGURA_URL set to a sign-in link, a server that runs already is used instead. Needs the binary: `cargo build -p yagura-cli`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const START_MAX_MS = 120_000;
const STOP_MAX_MS = 30_000;

async function freeAddress() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

function program() {
  const target = process.env.CARGO_TARGET_DIR ?? new URL("../../target", import.meta.url).pathname;
  const path = process.env.YAGURA_BIN ?? join(target, "debug/yagura");
  if (!existsSync(path)) {
    console.error(`there is no ${path}: run \`cargo build -p yagura-cli\`, or set YAGURA_BIN or CARGO_TARGET_DIR`);
    process.exit(2);
  }
  return path;
}

/** Runs the demo until its sign-in link is printed. */
async function startDemo(data) {
  const [gate, site] = [await freeAddress(), await freeAddress()];
  const args = ["demo", "--fleet", "8", "--attack-after", "3", "--data", data, "--gate", gate, "--console", site];
  const demo = spawn(program(), args, { stdio: ["ignore", "pipe", "inherit"] });
  const said = [];
  const link = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the demo printed no sign-in link in time")), START_MAX_MS);
    createInterface({ input: demo.stdout }).on("line", (line) => {
      said.push(line);
      const url = /https?:\/\/\S+#token=\S+/.exec(line)?.[0];
      if (url) resolve(url);
      if (url) clearTimeout(timer);
    });
    demo.on("exit", (code) => reject(new Error(`the demo ended with code ${code}:\n${said.join("\n")}`)));
  });
  return { demo, url: await link };
}

async function stopDemo(demo) {
  if (demo.exitCode !== null) return demo.exitCode;
  const ended = once(demo, "exit");
  demo.kill("SIGINT");
  const timer = setTimeout(() => demo.kill("SIGKILL"), STOP_MAX_MS);
  const [code, signal] = await ended;
  clearTimeout(timer);
  return code ?? signal;
}

async function drive(url) {
  const test = spawn("npx", ["playwright", "test", "--project", "demo"], {
    stdio: "inherit",
    env: { ...process.env, YAGURA_URL: url },
  });
  const [code] = await once(test, "exit");
  return code ?? 1;
}

if (process.env.YAGURA_URL) process.exit(await drive(process.env.YAGURA_URL));

const data = await mkdtemp(join(tmpdir(), "yagura-flow-"));
let code = 1;
try {
  const { demo, url } = await startDemo(data);
  code = await drive(url);
  const ended = await stopDemo(demo);
  if (ended !== 0) {
    console.error(`the demo did not end cleanly: ${ended}`);
    code ||= 1;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  await rm(data, { recursive: true, force: true });
}
process.exit(code);

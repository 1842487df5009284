// How the console is built and served while it is worked on.
// Not how it is served in production: the server embeds dist/. YAGURA_FIXTURES=1 answers the API from tests/fixtures;
// otherwise `npm run dev` passes API calls on to the server at YAGURA_SERVER.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { fixtures } from "./tests/fixtures/plugin.ts";

const server = process.env.YAGURA_SERVER ?? "http://127.0.0.1:8080";
const withFixtures = process.env.YAGURA_FIXTURES === "1";

export default defineConfig({
  plugins: [react(), ...(withFixtures ? [fixtures()] : [])],
  build: {
    target: "es2023",
    manifest: true,
    // Inlined assets would need `data:` in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    ...(withFixtures ? {} : { proxy: { "/api": { target: server, changeOrigin: true, headers: { origin: server } } } }),
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});

// How the console is driven in a browser: Debian's Chromium, one worker, against fixtures or against a real server.
// `demo` needs YAGURA_URL, the sign-in link that the server printed.
import { defineConfig } from "@playwright/test";

const PORT = 4173;
const link = process.env.YAGURA_URL;

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  workers: 1,
  // Machines that compile while they test are slow.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list", { printSteps: true }]],
  use: {
    baseURL: link === undefined ? `http://127.0.0.1:${PORT}` : new URL(link).origin,
    viewport: { width: 1440, height: 900 },
    colorScheme: "dark",
    locale: "en-GB",
    timezoneId: "Asia/Tokyo",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "fixtures", testMatch: /fixtures\/.*\.spec\.ts/ },
    { name: "screenshots", testMatch: /screenshots\.ts/ },
    { name: "demo", testMatch: /demo\.spec\.ts/, timeout: 600_000 },
  ],
  ...(link !== undefined
    ? {}
    : {
        webServer: {
          command: `npx vite preview --port ${PORT} --strictPort --host 127.0.0.1`,
          url: `http://127.0.0.1:${PORT}/`,
          env: { YAGURA_FIXTURES: "1" },
          reuseExistingServer: false,
        },
      }),
});

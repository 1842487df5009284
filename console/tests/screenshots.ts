// Takes a picture of every page, in both themes and both languages, into docs/images or SHOTS.
import { mkdirSync } from "node:fs";
import { test, type Page } from "@playwright/test";

const OUT = process.env.SHOTS ?? "../docs/images";
const WANTED = process.env.ONLY;

async function choose(page: Page, choices: { language: string; theme: string }) {
  await page.addInitScript((chosen) => localStorage.setItem("yagura.settings", JSON.stringify(chosen)), choices);
}

async function settled(page: Page) {
  await page.waitForTimeout(500);
  await page
    .locator(".loading")
    .first()
    .waitFor({ state: "detached" })
    .catch(() => undefined);
  await page.waitForTimeout(300);
}

async function alertId(page: Page): Promise<string> {
  const answer = await page.request.get("/api/v1/alerts?severity=critical&limit=20");
  const { alerts } = (await answer.json()) as { alerts: { id: string; vehicle?: string }[] };
  return alerts.find((alert) => alert.vehicle)?.id ?? "";
}

const PAGES: [string, (page: Page) => Promise<void>][] = [
  ["overview", (page) => page.goto("/").then(() => undefined)],
  ["alerts", (page) => page.goto("/alerts").then(() => undefined)],
  [
    "alert",
    async (page) => {
      await page.goto(`/alerts/${await alertId(page)}`);
    },
  ],
  ["vehicles", (page) => page.goto("/vehicles").then(() => undefined)],
  [
    "vehicle",
    async (page) => {
      await page.goto(`/alerts/${await alertId(page)}`);
      await page.locator(".vehicle-panel a.button").first().click();
    },
  ],
  ["evidence", (page) => page.goto("/evidence/1100").then(() => undefined)],
];

for (const language of ["en", "ja"]) {
  for (const theme of ["dark", "light"]) {
    test(`pictures, ${language}, ${theme}`, async ({ page }) => {
      mkdirSync(OUT, { recursive: true });
      await choose(page, { language, theme });
      await page.goto("/sign-in");
      await page.screenshot({ path: `${OUT}/sign-in-${theme}-${language}.png` });
      await page.goto("/sign-in#token=fixture-token");
      await page.waitForURL("/");
      for (const [name, go] of PAGES) {
        if (WANTED && !WANTED.split(",").includes(name)) continue;
        await go(page);
        await settled(page);
        await page.screenshot({ path: `${OUT}/${name}-${theme}-${language}.png` });
      }
    });
  }
}

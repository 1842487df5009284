// Takes a picture of every page, in both themes and both languages, into docs/images or SHOTS.
// Over the invented fleet, or over a real server if YAGURA_URL holds its sign-in link. ONLY narrows it: `ONLY=overview,alert`.
import { mkdirSync } from "node:fs";
import { expect, test, type Page } from "@playwright/test";

const OUT = process.env.SHOTS ?? "../docs/images";
const ONLY = process.env.ONLY?.split(",");
const LINK = process.env.YAGURA_URL ?? "/sign-in#token=fixture-token";

async function settled(page: Page) {
  await expect(page.locator("h1")).toBeVisible();
  await expect(page.locator(".live.live")).toBeVisible();
  await expect(page.locator(".loading")).toHaveCount(0);
}

interface Found {
  id: string;
  vehicle?: string;
}

/** An alert about one vehicle that has frames to show, the worst first. */
async function alertToShow(page: Page): Promise<Found> {
  for (const severity of ["critical", "high", "medium"]) {
    const list = await page.request.get(`/api/v1/alerts?severity=${severity}&limit=50`);
    const { alerts } = (await list.json()) as { alerts: Found[] };
    for (const alert of alerts.filter((one) => one.vehicle)) {
      const frames = await page.request.get(`/api/v1/alerts/${alert.id}/frames`);
      const { excerpts } = (await frames.json()) as { excerpts: unknown[] };
      if (excerpts.length > 0) return alert;
    }
  }
  throw new Error("there is no alert with frames to take a picture of");
}

async function evidenceToShow(page: Page): Promise<string> {
  const answer = await page.request.get("/api/v1/overview");
  const { vault } = (await answer.json()) as { vault: { size: number } };
  return `/evidence/${Math.floor(vault.size * 0.9)}`;
}

test("pictures of every page", async ({ page }) => {
  test.setTimeout(900_000);
  mkdirSync(OUT, { recursive: true });
  await page.goto(LINK);
  await settled(page);
  const alert = await alertToShow(page);
  await page.goto(`/alerts/${alert.id}`);
  const timeline = await page.locator(".vehicle-panel a.button").first().getAttribute("href");
  const pages: [string, string][] = [
    ["overview", "/"],
    ["alerts", "/alerts"],
    ["alert", `/alerts/${alert.id}`],
    ["vehicles", "/vehicles"],
    ["vehicle", timeline ?? `/vehicles/${alert.vehicle ?? ""}`],
    ["evidence", await evidenceToShow(page)],
  ];
  for (const language of ["en", "ja"]) {
    for (const theme of ["dark", "light"]) {
      await page.evaluate((choices) => localStorage.setItem("yagura.settings", JSON.stringify(choices)), {
        language,
        theme,
      });
      for (const [name, address] of pages.filter(([name]) => ONLY?.includes(name) ?? true)) {
        await page.goto(address);
        await settled(page);
        await page.screenshot({ path: `${OUT}/${name}-${theme}-${language}.png` });
      }
    }
  }
});

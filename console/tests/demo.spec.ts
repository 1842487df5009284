// The demo as its user meets it, against the real server: from the printed link to a proved piece of evidence, in two languages.
// YAGURA_URL is the sign-in link (it works once); the server must have a fleet that reports and is attacked.
import { expect, test, type Page } from "@playwright/test";
import { expectAccessible, watch } from "./fixtures/expectations";

/** The promise of the demo, with room for a slow machine. */
const FIRST_ALERT_MS = 120_000;
/** A record waits for the next checkpoint to cover it. */
const PROOF_MS = 30_000;

interface ApiAlert {
  id: string;
  vehicle?: string;
}

async function get<T>(page: Page, path: string): Promise<T> {
  const answer = await page.request.get(path);
  expect(answer.status(), path).toBe(200);
  return (await answer.json()) as T;
}

/** The newest alert about one vehicle whose report carries frames. */
async function alertWithFrames(page: Page): Promise<ApiAlert | undefined> {
  const { alerts } = await get<{ alerts: ApiAlert[] }>(page, "/api/v1/alerts?limit=100");
  for (const alert of alerts.filter((one) => one.vehicle !== undefined)) {
    const { excerpts } = await get<{ excerpts: { frames: { marked: boolean }[] }[] }>(
      page,
      `/api/v1/alerts/${alert.id}/frames`,
    );
    if (excerpts.some((excerpt) => excerpt.frames.some((frame) => frame.marked))) return alert;
  }
  return undefined;
}

/** The page is complete: nothing still loads, and nothing failed. */
async function settled(page: Page) {
  await expect(page.locator(".loading")).toHaveCount(0, { timeout: 20_000 });
  await expect(page.locator(".problem")).toHaveCount(0);
}

/** On an alert's page: the proofs hold, here and for the raw bytes; then back to the alert. */
async function proved(page: Page) {
  const record = page.locator(".records li").first();
  await expect(record).toContainText("Signature valid", { timeout: PROOF_MS });
  await expect(record).toContainText("In the log");
  await expectAccessible(page);
  await record.getByRole("link", { name: /Record/ }).click();
  await page.getByRole("button", { name: "Check the raw record too" }).click();
  await expect(page.locator(".checks .holds")).toHaveCount(3);
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(page.locator(".why-words")).toBeVisible();
}

async function inJapanese(page: Page, alert: ApiAlert | undefined) {
  await page.getByRole("button", { name: "日本語" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  for (const path of ["/", "/alerts", `/alerts/${alert?.id ?? ""}`, `/vehicles/${alert?.vehicle ?? ""}`, "/evidence"]) {
    await page.goto(path);
    await expect(page.locator("h1")).toBeVisible();
    await settled(page);
    await expectAccessible(page);
  }
  await page.goto(`/alerts/${alert?.id ?? ""}`);
  await expect(page.locator(".why-words")).toContainText(/[\u3040-\u30ff\u4e00-\u9fff]/);
}

test("from the printed link to proved evidence", async ({ page }) => {
  const link = process.env.YAGURA_URL;
  if (!link) throw new Error("YAGURA_URL must hold the sign-in link that the server printed");
  const seen = watch(page);

  await test.step("sign in", async () => {
    await page.goto(link);
    await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
    expect(page.url()).not.toContain("token");
  });

  await test.step("the overview is live and shows the first alert", async () => {
    await expect(page.locator(".live.live")).toBeVisible();
    await expect(page.locator(".alert-lines a").first()).toBeVisible({ timeout: FIRST_ALERT_MS });
    await settled(page);
    await expectAccessible(page);
  });

  await test.step("the list has it, and the keyboard opens it", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await expect(page.locator(".grid-row").first()).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await expect(page.locator(".why-words")).not.toBeEmpty();
    await settled(page);
    await expectAccessible(page);
  });

  let alert: ApiAlert | undefined;
  await test.step("an alert explains itself down to the frame", async () => {
    await expect.poll(async () => (alert = await alertWithFrames(page)), { timeout: FIRST_ALERT_MS }).toBeDefined();
    await page.goto(`/alerts/${alert?.id ?? ""}`);
    await expect(page.locator(".why-words")).not.toBeEmpty();
    await expect(page.locator(".source .key").first()).toBeVisible();
    await expect(page.locator("tr.centre")).toBeVisible();
    await expect(page.locator("tr.marked").first()).toBeAttached();
  });

  await test.step("its evidence is signed and in the log, and the raw record is the one that was signed", () =>
    proved(page));

  await test.step("the vehicle shows the event over what it was doing", async () => {
    await page.getByRole("link", { name: "Time line around the event" }).click();
    await expect(page.getByRole("heading", { name: alert?.vehicle ?? "" })).toBeVisible();
    await expect(page.locator(".event-detail")).toBeVisible();
    await expect(page.locator(".range-events .grid-row").first()).toBeVisible();
    await settled(page);
    await expectAccessible(page);
    await page.goto("/vehicles");
    await expect(page.locator(".grid-row").first()).toBeVisible();
    await expectAccessible(page);
  });

  await test.step("all of it in Japanese", () => inJapanese(page, alert));

  expect(seen.faults()).toEqual([]);
});

import { expect, type Page, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

// What the operator looks after, on the real server with the real small model.

test.skip(!process.env.PARLEY_URL, "needs a running server");

let faults: string[];
test.beforeEach(({ page }) => {
  faults = complaints(page);
});
test.afterEach(() => expect(faults).toEqual([]));

const small = "smollm2-135m-instruct";

async function check(page: Page) {
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
}

/** The row of a table by the name that it begins with. */
const row = (page: Page, name: string | RegExp) =>
  page
    .getByRole("row")
    .filter({ has: page.getByText(name) })
    .first();

async function menu(page: Page, name: string, item: string) {
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

test("a model is unloaded and loaded by hand, and the catalog says what fits", async ({ page }) => {
  await page.goto("/console/models");
  await expect(row(page, small)).toBeVisible();
  await expect(page.getByRole("meter", { name: "Memory of models" })).toBeVisible();
  if ((await row(page, small).getByText("Cold").count()) > 0) await menu(page, small, "Load now");
  await expect(row(page, small).getByText("Loaded")).toBeVisible({ timeout: 60_000 });
  await menu(page, small, "Unload now");
  await expect(row(page, small).getByText("Cold")).toBeVisible();
  await menu(page, small, "Load now");
  await expect(row(page, small).getByText("Loaded")).toBeVisible({ timeout: 60_000 });
  await check(page);

  await page.getByRole("tab", { name: "Catalog" }).click();
  await expect(page).toHaveURL(/tab=catalog/);
  await expect(row(page, small).getByText("Installed")).toBeVisible();
  await page.getByRole("combobox", { name: "Size" }).selectOption("yes");
  await expect(page.getByText("Too big for this machine")).toHaveCount(0);
  await check(page);
});

test("a pull that fails says why, survives a reload, and goes off the list", async ({ page }) => {
  await page.goto("/console/models?dialog=pull");
  const dialog = page.getByRole("dialog", { name: "Pull a model" });
  await dialog.getByLabel("Model", { exact: true }).fill("/etc/passwd");
  await dialog.getByRole("button", { name: "Pull a model" }).click();
  await expect(dialog.getByRole("alert")).toContainText("is not in the catalog");
  await check(page);
  // A port that nobody listens on: the pull begins, and fails.
  await dialog.getByLabel("Model", { exact: true }).fill("https://127.0.0.1:1/tiny.gguf");
  await dialog.getByRole("button", { name: "Pull a model" }).click();
  const pulls = page.getByRole("region", { name: "Pulls" });
  await expect(pulls.getByText("Failed")).toBeVisible({ timeout: 60_000 });
  await page.reload();
  await expect(pulls.getByRole("alert")).toBeVisible();
  await pulls.getByRole("button", { name: /off the list/ }).click();
  await expect(pulls).toHaveCount(0);
});

test("a name gets a date and another answer, says what changes next, and is reset", async ({ page }) => {
  await page.goto("/console/calendar?q=gpt-4-0613&dialog=edit&subject=gpt-4-0613");
  const dialog = page.getByRole("dialog", { name: "Change gpt-4-0613" });
  await dialog.getByLabel("Shut down", { exact: true }).selectOption("on");
  await dialog.getByLabel("Day: Shut down").fill("2099-01-04");
  await dialog.getByLabel("After the shutdown").selectOption("fail");
  await check(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("listitem").filter({ hasText: "Jan 4, 2099" })).toContainText("refused (fail)");
  const changed = page
    .getByRole("row", { name: /^gpt-4-0613/ })
    .locator("[data-slot=badge]", { hasText: "Changed by us" });
  await expect(changed).toBeVisible();
  await check(page);
  await menu(page, "gpt-4-0613", "Take the change back");
  await expect(changed).toHaveCount(0);
});

test("health is told line by line", async ({ page }) => {
  await page.goto("/console/health");
  for (const [name, words] of [
    ["database", /a read took/],
    ["engines", /answers by default/],
    ["redis", /Not configured/],
    ["disk", /free in/],
  ] as const) {
    await expect(page.locator(`[data-check=${name}]`)).toContainText(words);
  }
  await expect(page.getByRole("row", { name: /This one/ })).toBeVisible();
  await check(page);
});

test("an incident is opened, written about and closed; everybody reads it without scripts", async ({
  page,
  browser,
}) => {
  await page.goto("/console/status?dialog=new");
  const form = page.getByRole("dialog", { name: "Open an incident" });
  await form.getByLabel("Title").fill("Slow answers <b>today</b>");
  await form.getByLabel("Text").fill("We look into it.");
  await form.getByLabel("API").check();
  await check(page);
  await form.getByRole("button", { name: "Open an incident" }).click();
  await expect(form).toBeHidden();
  await page.getByRole("button", { name: "Slow answers <b>today</b>", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: /Slow answers/ });
  await dialog.getByLabel("What is known now").fill("A disk was full.");
  await dialog.getByLabel("State").selectOption("identified");
  await dialog.getByRole("button", { name: "Write an update" }).click();
  await expect(dialog.getByRole("listitem").first()).toContainText("A disk was full.");
  await check(page);
  await page.keyboard.press("Escape");

  for (const colorScheme of ["light", "dark"] as const) {
    const reader = await browser.newContext({
      javaScriptEnabled: false,
      colorScheme,
      viewport: { width: 390, height: 800 },
      storageState: { cookies: [], origins: [] },
    });
    const open = await reader.newPage();
    await open.goto(`${process.env.PARLEY_URL ?? ""}/status`);
    await expect(open.getByRole("heading", { name: "Slow answers <b>today</b>" })).toBeVisible();
    await expect(open.getByText("A disk was full.")).toBeVisible();
    await expect(open.getByRole("img", { name: /API: .*uptime/ })).toBeVisible();
    await reader.close();
    await page.emulateMedia({ colorScheme });
    await page.goto("/status");
    await expect(page.getByRole("heading", { name: "Components" })).toBeVisible();
    await check(page);
    await page.goto("/status?lang=ko");
    await expect(page.getByRole("heading", { name: "구성 요소" })).toBeVisible();
  }

  await page.goto("/console/status");
  await menu(page, "Slow answers <b>today</b>", "Delete");
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Slow answers", { exact: false })).toHaveCount(0);
});

import { expect, type Page, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

let faults: string[];
test.beforeEach(({ page }) => {
  faults = complaints(page);
});
test.afterEach(() => expect(faults).toEqual([]));

const banner = (page: Page) => page.locator("[data-slot=billing-banner]");
const table = (page: Page, name: string) => page.getByRole("table", { name });

async function setBudget(page: Page, soft: string, hard: string) {
  await page.goto("/console/billing?dialog=budget");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Soft limit/).fill(soft);
  await dialog.getByLabel(/^Hard limit/).fill(hard);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
}

test("a budget is set from the palette, refuses requests when it is used up, and is taken away", async ({
  page,
}) => {
  await page.goto("/console");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("monthly budget");
  await page.getByRole("option", { name: "Set a monthly budget" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Soft limit/).fill("a lot");
  await expect(dialog.getByText("Write an amount such as 25 or 0.5.")).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Save" })).toBeDisabled();
  await dialog.getByLabel(/^Soft limit/).fill("80");
  await dialog.getByLabel(/^Hard limit/).fill("50");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("it would never be reached");
  await expectAccessible(page);
  await dialog.getByLabel(/^Hard limit/).fill("100");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  const row = table(page, "Monthly budgets").getByRole("row", { name: /The organization/ });
  await expect(row).toContainText("$80.00");
  await expect(row).toContainText("$100.00");
  await expect(page.getByRole("meter", { name: "Used of the budget" })).toBeVisible();
  await expect(banner(page)).toBeHidden();

  // Nothing may be spent: the line is there on every page, and a request is refused in OpenAI's words.
  await setBudget(page, "", "0");
  await expect(page.getByText("Hard limit reached: requests are refused")).toBeVisible();
  await expect(banner(page)).toContainText("used up its monthly budget");
  await page.goto("/console");
  await expect(banner(page)).toContainText("used up its monthly budget");
  const refused = await page.request.post("/v1/completions", {
    data: { model: "gpt-4", prompt: "Hi", max_tokens: 1 },
    headers: { origin: new URL(page.url()).origin },
  });
  expect(refused.status()).toBe(429);
  expect(await refused.text()).toContain("insufficient_quota");
  await banner(page).getByRole("link", { name: "Look at billing" }).click();
  await page.getByRole("button", { name: "Actions for The organization" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No budget is set")).toBeVisible();
  await expect(banner(page)).toBeHidden();
});

test("the operator gives credit and takes it back; a prepaid organization without any is refused", async ({
  page,
}) => {
  await page.goto("/console/accounts");
  await table(page, "Billing of all organizations").getByRole("link").first().click();
  await expect(page).toHaveURL(/\/console\/accounts\/org-/);
  await page.getByRole("button", { name: "Change the plan" }).click();
  await page.getByRole("radio", { name: /^Prepaid/ }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(banner(page)).toContainText("no credit left");
  await page.getByRole("button", { name: "Give credit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount, in US dollars").fill("12.5");
  await dialog.getByLabel(/^Reason/).fill("Trial");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Give credit" }).click();
  await expect(dialog).toBeHidden();
  await expect(banner(page)).toBeHidden();
  await page.goto("/console/billing");
  await expect(table(page, "Credit").getByRole("row", { name: /Trial/ })).toContainText("$12.50");
  await expect(page.getByText("$12.50 is left.")).toBeVisible();
  await expect(page.getByText("No invoices yet")).toBeVisible();
  await page.goBack();
  await page.getByRole("button", { name: /^Actions for Trial/ }).click();
  await page.getByRole("menuitem", { name: "Take back" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Take back" }).click();
  await expect(page.getByText("taken back", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Change the plan" }).click();
  await page.getByRole("radio", { name: /^None/ }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(banner(page)).toBeHidden();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the pages are accessible and fit a phone, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    for (const path of ["/console/billing", "/console/accounts"]) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expectAccessible(page);
      await page.setViewportSize({ width: 390, height: 800 });
      await expectNoSidewaysScroll(page);
      await expectAccessible(page);
    }
  });
}

import { expect, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

test("the console: its sidebar, the palette's way to a page, the way back", async ({ page }) => {
  const faults = complaints(page);
  await page.goto("/console");
  const nav = page.getByRole("navigation", { name: "Pages of the console" });
  await expect(nav.getByRole("link", { name: "Overview" })).toHaveAttribute("aria-current", "page");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("API keys");
  await page.getByRole("option", { name: "API keys" }).click();
  await expect(page).toHaveURL(/\/console\/keys$/);
  await nav.getByRole("link", { name: "Back to the chats" }).click();
  await expect(page).toHaveURL(/\/$/);
  expect(faults).toEqual([]);
});

test("on a phone the sidebar is a drawer, which goes away with the page that it led to", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto("/console/keys");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.getByRole("button", { name: "Open the menu" }).click();
  await expectAccessible(page);
  await page.getByRole("dialog").getByRole("link", { name: "Overview" }).click();
  await expect(page).toHaveURL(/\/console$/);
  await expect(page.getByRole("dialog")).toBeHidden();
  await expectNoSidewaysScroll(page);
});

test("a dialog that a link opened gives the focus to the page when it goes", async ({ page }) => {
  await page.goto("/console/keys?dialog=new");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByRole("main")).toBeFocused();
});

test("what can be done to a row is in the palette, and asks on its page", async ({ page }) => {
  const name = `palette ${Date.now()}`;
  await page.request.post("/api/keys", { data: { name } });
  await page.goto("/console");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill(name);
  await expect(page.getByRole("option", { name: `Edit API key: ${name}` })).toBeVisible();
  await page.getByRole("option", { name: `Revoke API key: ${name}` }).click();
  await expect(page).toHaveURL(/\/console\/keys\?dialog=revoke&subject=key_/);
  const asks = page.getByRole("alertdialog");
  await expect(asks).toContainText(name);
  await asks.getByRole("button", { name: "Revoke" }).click();
  await expect(asks).toBeHidden();
  await expect(page).toHaveURL(/\/console\/keys$/);
  await expect(page.getByRole("row").filter({ hasText: name })).toHaveCount(0);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`what could not be loaded says so, and nothing else: ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.route(/\/(v1|api)\/(?!session|signin)/, (route) => route.abort());
    for (const path of ["", "/keys", "/usage", "/limits", "/billing", "/health", "/models"]) {
      await page.goto(`/console${path}`);
      await expect(page.getByRole("alert").first()).toContainText("Parley does not answer");
      await expect(page.getByText("No requests this month")).toHaveCount(0);
      await expectAccessible(page);
    }
    await page.setViewportSize({ width: 390, height: 800 });
    await expectNoSidewaysScroll(page);
  });
}

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

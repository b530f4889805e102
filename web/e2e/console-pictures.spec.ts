import { expect, test } from "@playwright/test";
import { screenshot } from "./page.ts";

// The README's pictures of the console, of whatever the server has: `SCREENSHOTS=1`, and a server with some weeks of use.
// Nothing is promised here; the other walks do that.

test.skip(
  !process.env.PARLEY_URL || !process.env.SCREENSHOTS,
  "pictures are made when SCREENSHOTS is set, of a running server",
);

test.use({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });

test("playground", async ({ page }) => {
  await page.goto("/console/playground");
  await page.getByRole("textbox", { name: "System" }).fill("You are a helpful assistant.");
  await page.getByRole("textbox", { name: "Content of message 1" }).fill("What is the capital of France?");
  await page.getByRole("spinbutton", { name: "Temperature" }).fill("0");
  await page.getByRole("spinbutton", { name: "Maximum length" }).fill("48");
  await page.getByRole("combobox", { name: "Show probabilities" }).selectOption("full");
  await page.keyboard.press("Control+Enter");
  const tokens = page.getByRole("toolbar", { name: /Tokens/ }).getByRole("button");
  await expect(tokens.nth(4)).toBeVisible({ timeout: 60_000 });
  await tokens.nth(4).click();
  await screenshot(page, "playground");
});

for (const [name, path, table] of [
  ["usage", "/console/usage", "By model"],
  ["limits", "/console/limits", "By model"],
] as const) {
  test(name, async ({ page }) => {
    await page.goto(path);
    await expect(page.getByRole("heading", { name: table })).toBeVisible();
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    await screenshot(page, name);
  });
}

test("status", async ({ page }) => {
  await page.goto("/status");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await screenshot(page, "status");
});

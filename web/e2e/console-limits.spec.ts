import { expect, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

let faults: string[];
test.beforeEach(({ page }) => {
  faults = complaints(page);
});
test.afterEach(() => expect(faults).toEqual([]));

// A model of its own, so that no other walk meets these limits.
const model = "text-ada-001";

test("a limit is set, hit, an increase asked for and granted", async ({ page }) => {
  // As the operator, for everybody.
  await page.goto("/console/all-limits");
  await page.getByRole("button", { name: "Set a limit" }).click();
  const editor = page.getByRole("dialog", { name: "Set a limit" });
  await editor.getByLabel("Model").fill(model);
  await editor.getByLabel("Requests / day").fill("1");
  await expectAccessible(page);
  await editor.getByRole("button", { name: "Save" }).click();
  await expect(editor).toBeHidden();

  // It is hit. A request that is refused for its content counts, too.
  const ask = () => page.request.post("/v1/completions", { data: { model, prompt: "a", max_tokens: -1 } });
  await ask();
  expect((await ask()).status()).toBe(429);
  await page.goto(`/console/limits?m.q=${model}`);
  const row = page.getByRole("row", { name: new RegExp(model) });
  await expect(row).toContainText("1 / 1");

  // More is asked for, with the server's figures.
  await row.getByRole("button", { name: /Actions/ }).click();
  await page.getByRole("menuitem", { name: "Ask for an increase" }).click();
  const form = page.getByRole("dialog", { name: "Ask for an increase" });
  await form.getByLabel("Requests / day").fill("100");
  await form.getByLabel("Reason").fill("More people work with it.");
  await expectAccessible(page);
  await form.getByRole("button", { name: "Send the request" }).click();
  await expect(form).toBeHidden();
  await expect(page.getByRole("row", { name: /100 requests a day/ })).toContainText("Open");

  // The operator decides.
  await page.goto("/console/all-limits?q.state=open");
  await page
    .getByRole("table", { name: "Requests for an increase" })
    .getByRole("row", { name: new RegExp(model) })
    .getByRole("button", { name: /Actions/ })
    .click();
  await page.getByRole("menuitem", { name: "Decide" }).click();
  const decision = page.getByRole("dialog", { name: "Request for an increase" });
  await expect(decision.getByRole("slider", { name: "Use of the last 30 days" })).toHaveAttribute(
    "aria-valuetext",
    /Refused by a limit/,
  );
  await expectAccessible(page);
  await decision.getByLabel("Requests / day").fill("50");
  await decision.getByRole("button", { name: "Approve" }).click();
  await expect(decision).toBeHidden();
  expect((await ask()).status()).not.toBe(429);

  await page.goto(`/console/limits?m.q=${model}`);
  await expect(page.getByRole("row", { name: /100 requests a day/ })).toContainText("Approved");
  await expect(page.getByRole("row", { name: /\/ 50/ })).toBeVisible();
});

test("tiers are made and removed", async ({ page }) => {
  const tier = `tier ${Date.now()}`;
  await page.goto("/console/all-limits?dialog=tier");
  const form = page.getByRole("dialog", { name: "Add a tier" });
  await form.getByLabel("Name").fill(tier);
  await form.getByLabel("Spent, at least").fill("1000000");
  await form.getByRole("button", { name: "Save" }).click();
  const row = page.getByRole("row", { name: new RegExp(tier) });
  await expect(row).toContainText("$1,000,000.00");
  await row.getByRole("button", { name: /Actions/ }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await expect(row).toHaveCount(0);
});

test("limits are accessible on a phone, in the dark", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 800 });
  for (const path of ["/console/limits", "/console/all-limits", "/console/limits?dialog=ask"]) {
    await page.goto(path);
    await expect(page.getByRole("heading").first()).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  }
});

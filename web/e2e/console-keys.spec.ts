import { expect, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

test("a key is made by the palette, works, is changed, and revoked", async ({ page, request }) => {
  const faults = complaints(page);
  const ask = (secret: string) =>
    request.get("/v1/models", { headers: { Authorization: `Bearer ${secret}`, Cookie: "" } });
  await page.goto("/console");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("Create a key");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/console\/keys\?dialog=new/);
  const dialog = page.getByRole("dialog", { name: "Create an API key" });
  await dialog.getByLabel("Name", { exact: true }).fill("night watch");
  await dialog.getByRole("radio", { name: /^Restricted/ }).check();
  await expect(dialog.getByRole("button", { name: "Create a key" })).toBeDisabled();
  await dialog
    .getByRole("radiogroup", { name: "Models" })
    .or(dialog.getByRole("group", { name: "Models" }))
    .first()
    .getByRole("radio", { name: "Read" })
    .click();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create a key" }).click();
  const made = page.getByRole("dialog", { name: "Your new key" });
  const secret = await made.getByLabel("Secret key").inputValue();
  expect(secret).toMatch(/^sk-/);
  await expectAccessible(page);
  await made.getByRole("button", { name: "Done" }).click();
  await expect(page).toHaveURL(/\/console\/keys$/);
  expect(await page.content()).not.toContain(secret);
  expect((await ask(secret)).status()).toBe(200);

  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "night watch" }) });
  await expect(row).toContainText("Restricted");
  await row.getByRole("button", { name: "Actions for night watch" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: "Change an API key" });
  await edit.getByLabel("Name", { exact: true }).fill("day watch");
  await edit.getByRole("radio", { name: "Only these" }).check();
  await edit.getByRole("checkbox", { name: "gpt-4", exact: true }).check();
  await edit.getByRole("button", { name: "Save" }).click();
  const changed = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "day watch" }) });
  await expect(changed).toContainText("1 model");

  await changed.getByRole("button", { name: "Actions for day watch" }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
  await expect(changed).toBeHidden();
  expect((await ask(secret)).status()).toBe(401);
  expect(faults).toEqual([]);
});

test("what is searched and sorted stands in the address, and comes back", async ({ page }) => {
  const ant = `ant${Date.now()}`; // another run on the same server has its own
  for (const name of ["zebra", `${ant} 10`, `${ant} 9`])
    await page.request.post("/api/keys", { data: { name } });
  await page.goto("/console/keys");
  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
  await expect(page).toHaveURL(/sort=name/);
  await page.getByRole("searchbox", { name: "Search" }).fill(ant);
  await expect(page).toHaveURL(/q=ant/);
  const names = page.getByRole("rowheader");
  await expect(names).toHaveText([`${ant} 9`, `${ant} 10`]);
  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
  await expect(names).toHaveText([`${ant} 10`, `${ant} 9`]);
  await expect(page.getByRole("columnheader", { name: "Name" })).toHaveAttribute("aria-sort", "descending");
  await page.reload();
  await expect(names).toHaveText([`${ant} 10`, `${ant} 9`]);
  await page.goto("/console/keys?q=no-such-key");
  await expect(page.getByText("Nothing matches.")).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(names.filter({ hasText: "zebra" }).first()).toBeVisible();
});

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 390],
] as const) {
  test(`keys, members, projects, audit log: accessible, ${colorScheme}, ${width} px, in Korean too`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    for (const path of [
      "/console",
      "/console/keys",
      "/console/members",
      "/console/projects",
      "/console/audit",
    ]) {
      await page.goto(path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    }
    await page.evaluate(() => localStorage.setItem("parley.language", "ko"));
    await page.goto("/console/keys");
    await expect(page.getByRole("heading", { name: "API 키" })).toBeVisible();
    await expectNoSidewaysScroll(page);
    await page.evaluate(() => localStorage.removeItem("parley.language"));
  });
}

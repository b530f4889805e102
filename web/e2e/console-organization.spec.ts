import { expect, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

test("single sign-on: what a group may is set, changed and ended", async ({ page }) => {
  const faults = complaints(page);
  await page.goto("/console/sso");
  await expect(page.getByText("There is no identity provider")).toBeVisible();
  await expect(page.getByLabel("Redirect address")).toHaveValue(/\/signin\/sso\/callback$/);
  await page.getByRole("button", { name: "Add a group" }).click();
  await page.getByLabel("Group", { exact: true }).fill("engineers");
  await page.getByRole("radio", { name: /^Admin/ }).check();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save" }).click();
  const row = page.getByRole("row", { name: /engineers/ });
  await expect(row).toContainText("Admin");
  await row.getByRole("button").click();
  await page.getByRole("menuitem", { name: "Change" }).click();
  await page.getByRole("radio", { name: /^Reader/ }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("Reader");
  await row.getByRole("button").click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No groups yet")).toBeVisible();
  expect(faults).toEqual([]);
});

test("mail: without a mail server the page says how to get one", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto("/console/mail");
  await expect(page.getByText("There is no mail server")).toBeVisible();
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
});

test("the organization is renamed; deleting it wants its name, and the operator's own is kept", async ({
  page,
}) => {
  await page.goto("/console/organization");
  const name = page.getByLabel("Name", { exact: true });
  const before = await name.inputValue();
  await name.fill(`${before} two`);
  await page.getByRole("button", { name: "Rename the organization" }).click();
  await expect(page.getByText("The organization has another name now")).toBeVisible();
  await name.fill(before);
  await page.getByRole("button", { name: "Rename the organization" }).click();
  await expect(page.getByRole("button", { name: "Rename the organization" })).toBeDisabled();

  await page.getByRole("button", { name: "Delete the organization" }).click();
  const dialog = page.getByRole("dialog");
  const go = dialog.getByRole("button", { name: "Delete the organization" });
  await expect(go).toBeDisabled();
  await dialog.getByLabel(/^Type/).fill(before);
  await expectAccessible(page);
  await go.click();
  await expect(dialog.getByRole("alert")).toContainText("operator's organization");
});

test("somebody deletes their account, and sees that it is done", async ({ browser, request }) => {
  const answer = await request.post("/v1/organization/invites", {
    data: { email: "leaver@example.com", role: "member" },
  });
  const { link } = (await answer.json()) as { link: string };
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } });
  const page = await context.newPage();
  const faults = complaints(page);
  await page.goto(link);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page).toHaveURL(/\/account/);
  await page.goto("/account?dialog=delete-account");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Type/).fill("leaver@example.com");
  await dialog.getByRole("button", { name: "Delete your account" }).click();
  await expect(page).toHaveURL(/\/deleted\/del_/);
  await expect(page.getByText("Done")).toBeVisible({ timeout: 30_000 });
  await expectAccessible(page);
  await page.goto("/account");
  await expect(page).toHaveURL(/\/signin/);
  expect(faults).toEqual([]);
  await context.close();
});

import { expect, test } from "@playwright/test";
import { complaints, expectAccessible } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

test("somebody is invited into a project, joins, looks after it, and is removed", async ({
  page,
  browser,
}) => {
  const faults = complaints(page);
  const who = `pear${Date.now()}`; // another run on the same server has its own
  const email = `${who}@example.com`;
  await page.goto("/console/projects?dialog=new");
  await page.getByLabel("Name", { exact: true }).fill("Orchard");
  await page.getByRole("dialog").getByRole("button", { name: "Create a project" }).click();
  await expect(page).toHaveURL(/\/console\/projects\/proj_/);
  await expect(page.getByRole("heading", { level: 1, name: "Orchard" })).toBeVisible();
  await expect(page.getByText("No service accounts")).toBeVisible();
  await expectAccessible(page);
  const project = page.url();

  await page.goto("/console/members?dialog=invite");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail address").fill(email);
  await dialog.getByLabel("Project").selectOption(project.split("/").at(-1) ?? "");
  await dialog.getByRole("button", { name: "Invite a member" }).click();
  const link = await dialog.getByLabel("Link of the invitation").inputValue();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("row").filter({ hasText: email })).toContainText("Open, ends in 7 days");

  const other = await browser.newContext({ storageState: { cookies: [], origins: [] } });
  const pear = await other.newPage();

  await test.step("a member sees neither members nor projects, and no audit log", async () => {
    await pear.goto(link);
    await pear.getByRole("button", { name: "Go on" }).click();
    await expect(pear).not.toHaveURL(/token/);
    await pear.goto("/console");
    const nav = pear.getByRole("navigation", { name: "Pages of the console" });
    await expect(nav.getByRole("link", { name: "API keys" })).toBeVisible();
    for (const name of ["Members", "Projects", "Audit log"])
      await expect(nav.getByRole("link", { name, exact: true })).toHaveCount(0);
  });

  await test.step("as the project's owner they look after it, and nothing else", async () => {
    await page.goto(project);
    await page.getByRole("combobox", { name: `Role of ${who}` }).selectOption("owner");
    await expect(page.getByText(`${who} has another role now`)).toBeVisible();
    await pear.goto("/console/projects");
    await pear.getByRole("link", { name: "Orchard", exact: true }).click();
    await pear.getByRole("button", { name: "Add a service account" }).click();
    await pear.getByRole("dialog").getByLabel("Name", { exact: true }).fill("picker");
    await pear.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    await expect(pear.getByLabel("Secret key")).toHaveValue(/^sk-svcacct-/);
    await pear.getByRole("button", { name: "Done" }).click();
    await expect(pear.getByRole("table", { name: "Service accounts" })).toContainText("picker");
    await expect(pear.getByRole("table", { name: "Keys of the project" })).toContainText("Service account");
    expect((await pear.request.get("/v1/organization/users")).status()).toBe(403);
  });

  await test.step("removed, they are out at once", async () => {
    await page.goto(`/console/members?q=${who}`);
    await page.getByRole("button", { name: `Actions for ${who}` }).click();
    await page.getByRole("menuitem", { name: "Remove" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
    await expect(page.getByText("Nothing matches.")).toBeVisible();
    await pear.goto("/console");
    await expect(pear).toHaveURL(/\/signin/);
  });

  await other.close();
  expect(faults).toEqual([]);
});

test("the switch leads into another project, and back when that is archived", async ({ page }) => {
  await page.goto("/console/projects?dialog=new");
  await page.getByLabel("Name", { exact: true }).fill("Cellar");
  await page.getByRole("dialog").getByRole("button", { name: "Create a project" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Cellar" })).toBeVisible();
  const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  await page.goto("/console/keys");
  await page.getByRole("button", { name: /^Organization and project/ }).click();
  await page.getByRole("menuitemradio", { name: "Cellar" }).click();
  await expect(page.getByText("Keys of the project “Cellar”")).toBeVisible();
  await expect(page.getByText("No API keys yet")).toBeVisible();
  expect((await page.request.post(`/v1/organization/projects/${id}/archive`)).status()).toBe(200);
  await page.reload();
  await expect(page.getByText("Keys of the project “Default project”")).toBeVisible();
});

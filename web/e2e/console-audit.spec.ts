import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { complaints, expectAccessible } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

test("what was done is found, looked into, and exported", async ({ page }) => {
  const faults = complaints(page);
  const made = await page.request.post("/api/keys", { data: { name: "ledger" } });
  const great = `great ledger ${Date.now()}`;
  const { id } = (await made.json()) as { id: string };
  await page.request.post(`/api/keys/${id}`, { data: { name: great } });
  await page.goto("/console/audit");
  await page.getByRole("searchbox", { name: "Search" }).fill(great);
  await expect(page).toHaveURL(/q=great/);
  const lines = page.getByRole("rowheader");
  await expect(lines).toHaveText(["API key changed"]);
  await lines.getByRole("button").click();
  const dialog = page.getByRole("dialog");
  const name = dialog
    .getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name: "name", exact: true }) });
  await expect(name.getByRole("cell")).toHaveText(["ledger", great]);
  await expect(dialog).toContainText(id);
  await expect(dialog).toContainText("api_key.updated");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  await page.getByRole("searchbox", { name: "Search" }).fill(id);
  await expect(lines).toHaveText(["API key changed", "API key made"]);
  await lines.getByRole("button").first().focus();
  await page.keyboard.press("ArrowDown");
  await expect(lines.getByRole("button").last()).toBeFocused();
  await page.getByRole("combobox", { name: "What" }).selectOption("api_key.created");
  await expect(lines).toHaveText(["API key made"]);
  await page.reload();
  await expect(lines).toHaveText(["API key made"]);

  await page.getByRole("button", { name: "Export" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "As a table (CSV)" }).click();
  const table = await readFile(await (await download).path(), "utf8");
  const rows = table.trim().split("\n");
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(/^id,type,at,/);
  expect(rows[1]).toContain(id);
  expect(faults).toEqual([]);
});

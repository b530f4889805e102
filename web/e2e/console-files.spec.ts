import { expect, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

const text = (name: string, content: string) => ({
  name,
  mimeType: "text/plain",
  buffer: Buffer.from(content),
});

test("a file is uploaded by the palette, looked at, downloaded and deleted", async ({ page }) => {
  const faults = complaints(page);
  const name = `notes ${Date.now()}.txt`;
  await page.goto("/console");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("Upload files");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/console\/files\?dialog=upload/);
  const dialog = page.getByRole("dialog", { name: "Upload files" });
  await expect(dialog.getByRole("button", { name: "Upload files" })).toBeDisabled();
  await dialog.locator("input[type=file]").setInputFiles([text(name, "hello"), text(`b ${name}`, "more")]);
  await dialog.getByRole("radio", { name: /^Any use/ }).check();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Upload 2 files" }).click();
  const uploads = page
    .getByRole("region", { name: "Uploads" })
    .or(page.locator("section", { hasText: "Uploads" }))
    .first();
  await expect(uploads.getByText("Uploaded", { exact: true })).toHaveCount(2);
  await expectAccessible(page);
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name, exact: true }) });
  await expect(row).toContainText("Any use");
  await page.getByRole("button", { name: "Clear finished" }).click();
  await expect(uploads).toBeHidden();

  // By its link, and after a reload.
  await row.getByRole("link", { name, exact: true }).click();
  await expect(page).toHaveURL(/\/console\/files\/file-/);
  await page.reload();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await expect(page.getByText("5 bytes")).toBeVisible();
  await expectAccessible(page);
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download" }).click(),
  ]);
  expect(saved.suggestedFilename()).toBe(name);
  const address = page.url();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/console\/files$/);
  await expect(page.getByRole("rowheader", { name: `b ${name}` })).toBeVisible();
  await expect(page.getByRole("rowheader", { name, exact: true })).toBeHidden();
  await page.goto(address);
  await expect(page.getByRole("heading", { name: "No such file" })).toBeVisible();
  expect(faults).toEqual([]);
});

test("what is wrong with a file is told, and an upload can be cancelled", async ({ page }) => {
  await page.goto("/console/files?dialog=upload");
  const dialog = page.getByRole("dialog", { name: "Upload files" });
  await dialog
    .locator("input[type=file]")
    .setInputFiles([text("examples.jsonl", '{"prompt": "a", "completion": "b"}\n{"prompt": "c"}\n')]);
  await dialog.getByRole("radio", { name: /^Fine-tuning/ }).check();
  await dialog.getByRole("button", { name: "Upload 1 file" }).click();
  await expect(
    page.getByRole("alert").filter({ hasText: "Missing 'completion' key on line 2" }),
  ).toBeVisible();
  await page.getByRole("button", { name: "Take examples.jsonl off the list" }).click();

  // Held back on its way, so that there is something to cancel.
  let held = false;
  await page.route("**/v1/files", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    held = true;
    await new Promise(() => undefined); // until the page gives up
  });
  const name = `held ${Date.now()}.txt`;
  const drop = await page.evaluateHandle((name) => {
    const data = new DataTransfer();
    data.items.add(new File(["dropped"], name, { type: "text/plain" }));
    return data;
  }, name);
  await page.locator("[data-slot=page]").dispatchEvent("drop", { dataTransfer: drop });
  await expect(dialog).toContainText(name);
  await dialog.getByRole("button", { name: "Upload 1 file" }).click();
  await expect.poll(() => held).toBe(true);
  await page.getByRole("button", { name: `Cancel the upload of ${name}` }).click();
  await expect(page.getByText(name)).toBeHidden();
  await page.unroute("**/v1/files");
  await page.reload();
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
  await expect(page.getByText(name)).toBeHidden();
});

test("files are searched, sorted and filtered in the address", async ({ page }) => {
  const mark = `ant${Date.now()}`; // another run on the same server has its own
  for (const [name, purpose] of [
    [`${mark} 10.txt`, "assistants"],
    [`${mark} 9.txt`, "assistants"],
    [`${mark} 11.png`, "vision"],
  ] as const) {
    const made = await page.request.post("/v1/files", { multipart: { purpose, file: text(name, mark) } });
    expect(made.status()).toBe(200);
  }
  await page.goto(`/console/files?q=${mark}&sort=name`);
  const names = page.getByRole("rowheader");
  await expect(names).toHaveText([`${mark} 9.txt`, `${mark} 10.txt`, `${mark} 11.png`]);
  await page.getByRole("combobox", { name: "Purpose" }).selectOption("vision");
  await expect(page).toHaveURL(/purpose=vision/);
  await expect(names).toHaveText([`${mark} 11.png`]);
  await page.reload();
  await expect(names).toHaveText([`${mark} 11.png`]);
});

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 1280],
  ["light", 1920],
  ["dark", 390],
] as const) {
  test(`files: accessible, ${colorScheme}, ${width} px, in Korean too`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    const made = await page.request.post("/v1/files", {
      multipart: {
        purpose: "assistants",
        file: text("Quarterly report with quite a long name, as people have them.txt", "x"),
      },
    });
    const { id } = (await made.json()) as { id: string };
    for (const path of ["/console/files", `/console/files/${id}`, "/console/files?dialog=upload"]) {
      await page.goto(path);
      await expect(page.getByRole("heading").first()).toBeVisible();
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    }
    await page.evaluate(() => localStorage.setItem("parley.language", "ko"));
    await page.goto("/console/files");
    await expect(page.getByRole("heading", { name: "파일", exact: true })).toBeVisible();
    await expectNoSidewaysScroll(page);
    await page.evaluate(() => localStorage.removeItem("parley.language"));
    await page.request.delete(`/v1/files/${id}`);
  });
}

import { expect, type Page, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

// What is kept of requests, and its review, on the real server: settings, sharing, a reviewer, a request that is reported, read and
// decided, and the warning that the organization sees.

test.skip(!process.env.PARLEY_URL, "needs a running server");

async function look(page: Page) {
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 390],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 800 });
}

test("data: how long it is kept, sharing, a reviewer, a request from the report to the warning", async ({
  page,
  baseURL,
}) => {
  const faults = complaints(page);
  const headers = { Origin: baseURL ?? "" };
  const asked = await page.request.post("/v1/completions", {
    data: { model: "gpt-3.5-turbo-instruct", prompt: "Once upon a review", max_tokens: 3 },
    headers,
  });
  expect(asked.ok()).toBe(true);
  const request = asked.headers()["x-request-id"] ?? "";

  await test.step("the settings", async () => {
    // What is kept is written within about a second, and only what is stored is asked about before it goes.
    await expect
      .poll(async () => {
        const kept = (await (await page.request.get("/api/retention")).json()) as {
          stored: { requests: number };
        };
        return kept.stored.requests;
      })
      .toBeGreaterThan(0);
    await page.goto("/console/data");
    await expect(page.getByText("Reviewers whom the operator of this installation named")).toBeVisible();
    await expect(
      page.getByRole("radio", { name: "As long as the installation says: 30 days" }),
    ).toBeChecked();
    await page.getByRole("radio", { name: "So many days" }).check();
    await page.getByLabel("Days", { exact: true }).fill("400");
    await expect(page.getByText("Write a whole number, 1 to 365.")).toBeVisible();
    await look(page);
    await page.getByLabel("Days", { exact: true }).fill("14");
    const save = page
      .locator("form", { hasText: "Keep requests and answers" })
      .getByRole("button", { name: "Save" });
    await save.click();
    const shorter = page.getByRole("alertdialog");
    await expect(shorter).toContainText("What is older than 14 days is deleted at once.");
    await look(page);
    await shorter.getByRole("button", { name: "Delete and save" }).click();
    await expect(shorter).toBeHidden();
    await expect(save).toBeDisabled();
    await expect(page.getByLabel("Days", { exact: true })).toHaveValue("14");
  });

  await test.step("sharing is off until it is turned on", async () => {
    const share = page.getByRole("checkbox", { name: /Share what this organization sends/ });
    await expect(share).not.toBeChecked();
    await share.click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Share" }).click();
    await expect(share).toBeChecked();
    await expect(page.getByText(/^On since/)).toBeVisible();
    await share.click();
    await expect(share).not.toBeChecked();
  });

  const { user } = (await (await page.request.get("/api/session")).json()) as { user: { id: string } };
  await test.step("only a reviewer has the queue", async () => {
    await expect(page.getByText("Nobody reviews")).toBeVisible();
    await expect(page.getByRole("link", { name: "Review" })).toBeHidden();
    await page.getByLabel("E-mail address or id of an account").fill("nobody@example.com");
    await page.getByRole("button", { name: "Add reviewer" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "No such user" })).toBeVisible();
    await page.getByLabel("E-mail address or id of an account").fill(user.id);
    await page.getByRole("button", { name: "Add reviewer" }).click();
    await expect(page.getByRole("link", { name: "Review" })).toBeVisible();
  });

  await test.step("a request is reported", async () => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("Report a request");
    await page.getByRole("option", { name: "Report a request" }).click();
    await page.getByLabel("Request id").fill(request);
    await page.getByLabel("Reason").fill("It was reported by a user.");
    await look(page);
    await page.getByRole("button", { name: "Put into the queue" }).click();
    await expect(page.getByRole("dialog")).toBeHidden();
  });

  await test.step("it is claimed, read and decided", async () => {
    await page.getByRole("link", { name: "Review" }).click();
    await expect(page.getByRole("link", { name: request })).toBeVisible();
    await look(page);
    await page.getByRole("button", { name: "Review the next" }).click();
    await expect(page).toHaveURL(/\/console\/review\/review_/);
    await expect(page.getByText("It was reported by a user.")).toBeVisible();
    await expect(page.getByText("Once upon a review")).toBeHidden();
    await page.getByRole("button", { name: "Read them" }).click();
    await expect(page.getByText("Once upon a review")).toBeVisible();
    await look(page);
    await page.getByRole("radio", { name: /Warn the organization/ }).check();
    await page.getByLabel("Message to the organization").fill("Please do not.");
    await page.getByRole("button", { name: "Decide" }).click();
    await expect(page).toHaveURL(/\/console\/review$/);
    await expect(page.getByRole("table").getByText("Decided")).toBeVisible();
  });

  await test.step("the organization sees the warning, and the look in its log", async () => {
    await page.goto("/console/data");
    await expect(page.getByText("Please do not.")).toBeVisible();
    const log = await page.request.get("/v1/organization/audit_logs?event_types[]=review_item.looked");
    expect(((await log.json()) as { data: unknown[] }).data.length).toBe(1);
  });

  await page.request.delete(`/api/operator/reviewers/${user.id}`, { headers });
  await page.request.put("/api/retention", { data: { days: null, share_for_training: false }, headers });
  await page.reload();
  await expect(page.getByText("Nobody reviews")).toBeVisible();
  await expect(page.getByRole("link", { name: "Review" })).toBeHidden();
  expect(faults).toEqual([]);
});

test("how long usage is kept: for good, until the operator says otherwise", async ({ page, baseURL }) => {
  const headers = { Origin: baseURL ?? "" };
  await page.goto("/console/data");
  const days = page.getByLabel("Days that single requests are kept");
  await expect(days).toHaveValue("0");
  await days.fill("1.5");
  await expect(page.getByText("Write a whole number, 0 to 36500.")).toBeVisible();
  await days.fill("3650");
  await page.getByRole("button", { name: "Save" }).last().click();
  const asks = page.getByRole("alertdialog");
  await expect(asks).toContainText("in every organization");
  await expectAccessible(page);
  await asks.getByRole("button", { name: "Delete and save" }).click();
  await expect(asks).toBeHidden();
  await page.reload();
  await expect(days).toHaveValue("3650");
  await page.request.put("/api/operator/usage/retention", { data: { requests_days: 0 }, headers });
});

import { expect, type Page, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll, screenshot } from "./page.ts";

// The whole platform as two people meet it, on the real server: the owner of a fresh installation invites somebody, whose
// restricted key is refused what it may not, meets a limit, asks for more, gets it, and sees what was used.

const model = "gpt-4-0613"; // a name that no other walk asks for: its limit is theirs alone
const password = "nine herons over the mill";

/** What a program with this key gets. */
async function ask(page: Page, key: string, path: string, body: Record<string, unknown>) {
  const answer = await page.request.post(path, { data: body, headers: { Authorization: `Bearer ${key}` } });
  return {
    status: answer.status(),
    body: (await answer.json()) as { error?: { message: string; code: string | null } },
  };
}

async function look(page: Page) {
  for (const [colorScheme, width] of [
    ["dark", 390],
    ["light", 1280],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
  }
}

/** The row of the one request for an increase that this walk makes. */
const requested = (page: Page) =>
  page.getByRole("table", { name: "Requests for an increase" }).getByRole("row").filter({ hasText: model });

test("from an invitation to the use of a raised limit", async ({ page, browser, baseURL }) => {
  test.skip(
    !process.env.PARLEY_URL || !process.env.PARLEY_CONSOLE_LINK,
    "needs a running server: PARLEY_URL and PARLEY_CONSOLE_LINK",
  );
  const origin = baseURL ?? "";
  const email = `bob-${Date.now()}@example.com`;
  const question = { model, max_tokens: 5, messages: [{ role: "user", content: "Hello!" }] };
  const faults = complaints(page);
  let link = "";

  await test.step("the owner invites a second user", async () => {
    await page.goto("/console/members");
    await page.getByRole("button", { name: "Invite a member" }).click();
    await page.getByLabel("E-mail address").fill(email);
    await page.getByRole("dialog").getByRole("button", { name: "Invite a member" }).click();
    link = await page.getByLabel("Link of the invitation").inputValue();
    await page.getByRole("button", { name: "Done" }).click();
    await expect(page.getByRole("table", { name: "Invitations" }).getByText(email)).toBeVisible();
  });

  const context = await browser.newContext({ storageState: { cookies: [], origins: [] }, baseURL: origin });
  const bob = await context.newPage();
  faults.push(...complaints(bob));

  await test.step("who joins, and chooses a password", async () => {
    await bob.goto(link);
    await bob.getByRole("button", { name: "Go on" }).click();
    await bob.getByRole("button", { name: "Set password" }).click();
    await bob.getByLabel("New password").fill(password);
    await bob.getByRole("dialog").getByRole("button", { name: "Set password" }).click();
    await expect(bob.getByRole("button", { name: "Change password" })).toBeVisible();
    await page.reload();
    await expect(page.getByRole("table", { name: "Members" }).getByText(email)).toBeVisible();
  });

  let key = "";
  await test.step("makes a key that may embed and not chat, which is refused a chat", async () => {
    await bob.goto("/console/keys");
    await bob.getByRole("button", { name: "Create a key" }).first().click();
    await bob.getByLabel("Name").fill("walk");
    await bob.getByRole("radio", { name: /^Restricted/ }).click();
    await bob.getByRole("radiogroup", { name: "Embeddings" }).getByRole("radio", { name: "Write" }).click();
    await bob.getByRole("dialog").getByRole("button", { name: "Create a key" }).click();
    key = await bob.getByLabel("Secret key").inputValue();
    await bob.getByRole("button", { name: "Done" }).click();
    const refused = await ask(bob, key, "/v1/chat/completions", question);
    expect(refused.status).toBe(403);
    expect(refused.body.error?.message).toContain("Missing scopes");
    const allowed = await ask(bob, key, "/v1/embeddings", {
      model: "text-embedding-ada-002",
      input: "a cat",
    });
    expect(allowed.status).toBe(200);
  });

  await test.step("the owner limits what each member may ask of one model", async () => {
    await page.goto("/console/limits");
    await page.getByRole("button", { name: "Set a limit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("For").selectOption("user");
    await dialog.getByLabel("Model").fill(model);
    await dialog.getByLabel("Requests / min").fill("2");
    await dialog.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("table", { name: "Limits that were set" }).getByText(model)).toBeVisible();
    await look(page);
  });

  await test.step("the member lets the key chat, and meets the limit", async () => {
    await bob.getByRole("button", { name: /walk/ }).last().click();
    await bob.getByRole("menuitem", { name: "Edit" }).click();
    await bob.getByRole("radiogroup", { name: "Chat" }).getByRole("radio", { name: "Write" }).click();
    await bob.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await expect(bob.getByRole("dialog")).toBeHidden();
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await ask(bob, key, "/v1/chat/completions", question));
    expect(answers.map((a) => a.status)).toEqual([200, 200, 429]);
    expect(answers[2]?.body.error?.message).toMatch(/on requests per min. Limit: 2/);
  });

  await test.step("asks for more, with the figures of its use beside it", async () => {
    await bob.goto("/console/limits");
    await bob.getByRole("button", { name: "Ask for an increase" }).click();
    const dialog = bob.getByRole("dialog");
    await dialog.getByLabel("For").selectOption("user");
    await dialog.getByLabel("Requests / min").fill("50");
    await dialog.getByLabel("Reason").fill("A class of thirty tries it out.");
    await look(bob);
    await dialog.getByRole("button", { name: "Send the request" }).click();
    await expect(requested(bob)).toContainText("Open");
  });

  await test.step("the operator grants it", async () => {
    await page.goto("/console/all-limits");
    await requested(page).getByRole("button").last().click();
    await page.getByRole("menuitem", { name: "Decide" }).click();
    await expect(page.getByRole("dialog").getByText("A class of thirty tries it out.")).toBeVisible();
    await look(page);
    await screenshot(page, "increase");
    await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await expect(requested(page)).toContainText("Approved");
    expect((await ask(bob, key, "/v1/chat/completions", question)).status).toBe(200);
    await bob.reload();
    await expect(requested(bob)).toContainText("Approved");
  });

  await test.step("both see what was used", async () => {
    await bob.goto("/console/usage");
    await expect(bob.getByRole("table", { name: "By model" }).getByText(model)).toBeVisible();
    await look(bob);
    await page.goto("/console/usage?group=user_id");
    await expect(page.getByRole("table", { name: "By user" }).getByText("bob-").first()).toBeVisible();
    await look(page);
  });
  await context.close();
  expect(faults).toEqual([]);
});

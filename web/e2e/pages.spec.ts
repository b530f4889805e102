import { expect, type Page, test } from "@playwright/test";
import {
  answers,
  answerText,
  ask,
  complaints,
  composer,
  expectAccessible,
  expectNoSidewaysScroll,
  questions,
  settled,
  stopButton,
} from "./page.ts";

// Pages and states against the fake API: what a real server shows only when something breaks, or by chance.

async function open(page: Page, path = "/", state: object = { signedIn: true }) {
  await page.request.post("/api/fake/reset", { data: state });
  await page.goto(path);
}

let faults: string[];
test.beforeEach(({ page }) => {
  faults = complaints(page);
});
test.afterEach(() => expect(faults).toEqual([]));

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1280, 390]) {
    test(`every page is accessible: ${colorScheme}, ${width} px`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await open(page, "/signin?token=bad", { signedIn: false });
      await expect(page.getByRole("alert")).toBeVisible();
      await check();
      await open(page);
      await expect(composer(page)).toBeVisible();
      await check();
      await ask(page, "Hello");
      await settled(page, "completed");
      await check();
      await ask(page, "fail");
      await settled(page, "failed");
      await check();
      await ask(page, "slow");
      await expect(answerText(page)).not.toBeEmpty();
      await stopButton(page).click();
      await settled(page, "stopped");
      await check();
      await page.locator("[data-model-picker]").click();
      await expect(page.getByRole("option")).not.toHaveCount(0);
      await check();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await expect(page.getByRole("option").first()).toBeVisible();
      await check();
      await page.goto("/settings");
      await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
      await check();

      async function check() {
        await expectAccessible(page);
        await expectNoSidewaysScroll(page);
      }
    });
  }
}

test("a session that ends leads to the sign-in page, and a link back to where one was", async ({ page }) => {
  await open(page);
  await page.request.delete("/api/session");
  await page.goto("/settings");
  await expect(page).toHaveURL(/\/signin\?next=%2Fsettings/);
  await page.goto("/signin?token=good&next=/settings");
  await expect(page).toHaveURL(/\/settings$/);
  await page.goBack();
  expect(page.url()).not.toContain("token");
});

test("words that the server refuses come back into the message box", async ({ page }) => {
  await open(page);
  await ask(page, "Hello");
  await settled(page, "completed");
  await ask(page, "refuse this");
  await expect(page.getByText("The engine is currently overloaded")).toBeVisible();
  await expect(composer(page)).toHaveValue("refuse this");
  await expect(questions(page)).toHaveCount(1);
});

test("an answer whose connection breaks is looked for, and shown as the server has it", async ({ page }) => {
  await open(page);
  await ask(page, "drop");
  await expect(page.getByText("Not connected to this answer.")).toBeVisible();
  await settled(page, "stopped");
  await expect(page.getByText("Stopped before the end.")).toBeVisible();
  await expect(page.getByText("Not connected to this answer.")).toBeHidden();
});

test("a failed answer can be asked for again, as a second version", async ({ page }) => {
  await open(page);
  await ask(page, "fail");
  await settled(page, "failed");
  await page.getByRole("button", { name: "Try again" }).click();
  await settled(page, "completed");
  await expect(page.getByText("Version 2 of 2")).toBeAttached();
  await page.getByRole("button", { name: "Older version" }).click();
  await settled(page, "failed");
});

test("while the server is away the page says so, and recovers", async ({ page }) => {
  await open(page);
  await expect(composer(page)).toBeVisible();
  await page.route("**/api/**", (route) => route.abort());
  await page.reload();
  await expect(page.getByRole("heading", { name: "Parley does not answer" })).toBeVisible();
  await page.unroute("**/api/**");
  await expect(composer(page)).toBeVisible();
});

test("a server that goes away under an open chat is missed, and found again", async ({ page }) => {
  await open(page);
  await ask(page, "Hello");
  await settled(page, "completed");
  await page.route("**/api/**", (route) => route.abort());
  await ask(page, "are you there?");
  await expect(page.getByText("No connection to Parley.")).toBeVisible();
  await expect(page.getByText("Your message was not sent.")).toBeVisible();
  await expect(composer(page)).toHaveValue("are you there?");
  await page.unroute("**/api/**");
  await expect(page.getByText("No connection to Parley.")).toBeHidden();
  await page.getByRole("button", { name: "Send" }).click();
  await expect(questions(page)).toHaveCount(2);
  await settled(page, "completed");
  await expect(page.getByText("Your message was not sent.")).toBeHidden();
});

test("a message written before the list of models has come is sent all the same", async ({ page }) => {
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/models", async (route) => {
    await held;
    await route.continue();
  });
  await open(page);
  await ask(page, "Hello");
  release();
  await settled(page, "completed");
});

test("the page stays at the end only while the reader is there", async ({ page }) => {
  await open(page);
  await ask(page, "long");
  const list = page.getByRole("region", { name: "Conversation" });
  const fromEnd = () => list.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
  const height = () => list.evaluate((e) => e.scrollHeight);
  await expect.poll(height).toBeGreaterThan(1500);
  expect(await fromEnd()).toBeLessThan(100);
  await list.hover();
  await page.mouse.wheel(0, -400);
  const grown = (await height()) + 400;
  await expect.poll(height).toBeGreaterThan(grown);
  expect(await fromEnd()).toBeGreaterThan(300);
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect.poll(fromEnd).toBeLessThan(100);
  await page.keyboard.press("Escape");
  await settled(page, "stopped");
});

test("keys: new chat, palette, stop, edit the last message, Shift+Enter", async ({ page }) => {
  await open(page);
  await composer(page).fill("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two slow");
  await page.keyboard.press("Enter");
  await expect(questions(page)).toHaveText([/one\s+two slow/]);
  await expect(answerText(page)).not.toBeEmpty();
  await page.keyboard.press("Escape");
  await settled(page, "stopped");
  await composer(page).press("ArrowUp");
  await expect(page.getByRole("textbox", { name: "Edit" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(composer(page)).toBeFocused();
  await page.keyboard.press("Control+Shift+o");
  await expect(page).toHaveURL(/\/$/);
  await expect(composer(page)).toBeFocused();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("settings");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/settings$/);
});

test("the first tab stop skips the sidebar", async ({ page }) => {
  await open(page, "/settings");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
});

test("a chat that is not there says so", async ({ page }) => {
  await open(page, "/c/chat_gone");
  await expect(page.getByRole("heading", { name: "This chat is not here" })).toBeVisible();
});

test("code is coloured and copied", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page);
  await ask(page, "Hello");
  await settled(page, "completed");
  await expect(answers(page).locator(".hljs-keyword").first()).toBeVisible();
  await page.getByRole("button", { name: "Copy code" }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toMatch(/^def headway/);
  expect(copied).toMatch(/m\/s"\)$/);
});

test("what a model writes cannot reach out: pictures are links, HTML is text", async ({ page }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await open(page);
  await ask(page, "markup");
  await settled(page, "completed");
  const answer = answerText(page);
  await expect(answer.getByRole("link", { name: "Picture: a cat" })).toHaveAttribute("href", /cat\.png$/);
  await expect(answer.getByRole("link", { name: "a link" })).toHaveAttribute("rel", /noopener/);
  await expect(answer).toContainText("<script>");
  await expect(answer.locator("img, script, [href^=javascript]")).toHaveCount(0);
  expect(asked.filter((url) => !url.startsWith("http://127.0.0.1"))).toEqual([]);
});

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
      await page.goto("/tokenizer");
      await expect(page.getByRole("rowheader", { name: "gpt-4" })).toBeVisible();
      await check();
      await page.getByRole("button", { name: "Show an example" }).click();
      await expect(page.locator("[data-token]").first()).toBeVisible();
      await check();
      await page.getByRole("textbox", { name: "Your text" }).fill("refuse");
      await expect(page.getByRole("alert")).toBeVisible();
      await check();
      await page.getByRole("tab", { name: "Chat" }).click();
      await page.getByRole("button", { name: "Show an example" }).click();
      await expect(page.getByRole("textbox", { name: "Content of message 4" })).toBeVisible();
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
  // A page that is left while it is still being gone to once kept Chromium from ending for four minutes.
  await expect(page.getByRole("navigation", { name: "Chats" })).toBeVisible();
  expect(page.url()).not.toContain("token");
});

test("a link where somebody is signed in does nothing before they say so", async ({ page }) => {
  const begun: string[] = [];
  page.on("request", (r) => {
    if (r.method() === "POST" && r.url().endsWith("/api/session")) begun.push(r.url());
  });
  await open(page);
  await page.goto("/signin?token=good&next=/settings");
  await expect(page.getByRole("heading", { name: "Sign in by this link?" })).toBeVisible();
  expect(page.url()).not.toContain("token");
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
  await page.getByRole("button", { name: "Stay as I am" }).click();
  await expect(page).toHaveURL(/\/settings$/);
  await page.goto("/signin?token=join-x");
  await expect(page.getByRole("heading", { name: "Accept this invitation?" })).toBeVisible();
  expect(begun).toEqual([]);
  await page.goto("/signin?token=good&next=/settings");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page).toHaveURL(/\/settings$/);
  expect(begun).toHaveLength(1);
});

test("a link that somebody else may have made says whose account it opens, and waits, where nobody is signed in", async ({
  page,
}) => {
  const begun: string[] = [];
  page.on("request", (r) => {
    if (r.method() === "POST" && r.url().endsWith("/api/session")) begun.push(r.url());
  });
  await open(page);
  await page.request.delete("/api/session");
  await page.goto("/signin?token=stranger");
  await expect(page.getByRole("heading", { name: "Sign in by this link?" })).toBeVisible();
  await expect(page.getByText("mallory@example.com")).toBeVisible();
  await expect(page.getByText("Elsewhere")).toBeVisible();
  expect(page.url()).not.toContain("token");
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
  // A page that is loaded anew has forgotten the link.
  await page.reload();
  await expect(page.getByRole("heading", { name: "Sign in to Parley" })).toBeVisible();
  await page.goto("/signin?token=stranger");
  await page.getByRole("button", { name: "Do not use this link" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to Parley" })).toBeVisible();
  expect(begun).toEqual([]);
  await page.goto("/signin?token=stranger&next=/settings");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page).toHaveURL(/\/settings$/);
  expect(begun).toHaveLength(1);
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

test("a page that was not fetched before the server went away says so, and comes when it is back", async ({
  page,
  context,
}) => {
  await open(page);
  await expect(composer(page)).toBeVisible();
  await expect(page.getByRole("navigation").first()).toContainText("Owner");
  await context.setOffline(true);
  await page.keyboard.press("ControlOrMeta+,");
  await expect(page.getByRole("heading", { name: "This page could not be fetched" })).toBeVisible();
  await expect(page.getByRole("navigation").first()).toBeVisible(); // the rest of the app is there
  await expectAccessible(page);
  await page.getByRole("button", { name: "Load the page anew" }).click(); // not to the browser's own error page
  await expect(page.getByRole("heading", { name: "This page could not be fetched" })).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
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

test("a long chat shows its end first, then the rest, and moves nothing under the reader", async ({
  page,
}) => {
  await open(page, "/", { signedIn: true, turns: 300 });
  // How many messages stood there whenever some were added.
  await page.addInitScript(() => {
    const counts: number[] = ((window as unknown as { counts: number[] }).counts = []);
    new MutationObserver(() => {
      const n = document.querySelectorAll("[data-slot=message]").length;
      if (n !== (counts.at(-1) ?? 0)) counts.push(n);
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto("/c/chat_long");
  await expect(answers(page).last()).toBeInViewport();
  // The reader goes up a little and reads there, while what lies above is still being added.
  const list = page.getByRole("region", { name: "Conversation" });
  const question = questions(page).filter({ hasText: "Question 297?" });
  await list.evaluate((e) => e.scrollBy(0, -2500));
  await question.evaluate((e) => e.scrollIntoView({ block: "center" }));
  const place = () => question.evaluate((e) => Math.round(e.getBoundingClientRect().top));
  const before = await place();
  await expect(questions(page)).toHaveCount(300, { timeout: 60_000 });
  expect(Math.abs((await place()) - before)).toBeLessThan(3);
  const counts = await page.evaluate(() => (window as unknown as { counts: number[] }).counts);
  expect(counts[0]).toBeLessThan(50);
  expect(counts.at(-1)).toBe(600);
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(answers(page).last()).toBeInViewport();
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

test("everything can be done by keyboard alone", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page);
  const keys = page.keyboard;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  await expect(composer(page)).toBeFocused();
  await keys.type("slow");
  await keys.press("Enter");
  await expect(answerText(page)).not.toBeEmpty();
  await keys.press("Escape");
  await settled(page, "stopped");

  await test.step("ask again, turn between the versions and back, copy", async () => {
    await keys.press("Alt+r");
    await settled(page, "completed");
    await expect(page.getByText("Version 2 of 2")).toBeAttached();
    await expect(composer(page)).toBeFocused();
    for (let i = 0; i < 5 && (await focused()) !== "Older version"; i++) await keys.press("Shift+Tab");
    await keys.press("Enter");
    await settled(page, "stopped");
    expect(await focused()).toBe("Older version"); // still, though there is no older one
    await keys.press("Tab");
    await keys.press("Enter");
    await settled(page, "completed");
    await keys.press("Alt+c");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^A sailing boat/);
  });

  await test.step("ask again by the answer's own button: the focus goes to the message box", async () => {
    for (let i = 0; i < 5 && (await focused()) !== "Answer again"; i++) await keys.press("Shift+Tab");
    await keys.press("Enter");
    await expect(page.getByText("Version 3 of 3")).toBeAttached();
    await expect(composer(page)).toBeFocused();
    await settled(page, "completed");
  });

  await test.step("an edit makes a branch, and turning leads out of it", async () => {
    await keys.press("ArrowUp");
    await expect(page.getByRole("textbox", { name: "Edit" })).toBeFocused();
    await keys.press("Control+a");
    await keys.type("Hello instead");
    await keys.press("Enter");
    await expect(questions(page)).toHaveText([/Hello instead/]);
    await settled(page, "completed");
    await expect(composer(page)).toBeFocused();
    for (let i = 0; i < 9 && (await focused()) !== "Older version"; i++) await keys.press("Shift+Tab");
    await keys.press("Enter");
    await expect(questions(page)).toHaveText([/slow/]);
  });

  await test.step("rename and delete", async () => {
    await keys.press("F2");
    await expect(page.getByRole("textbox", { name: "Name" })).toBeFocused();
    await keys.type("By keyboard");
    await keys.press("Enter");
    await expect(page.getByRole("navigation").getByRole("link", { name: "By keyboard" })).toBeVisible();
    await keys.press("Control+Shift+Backspace");
    await expect(page.getByRole("alertdialog")).toBeVisible();
    await keys.press("Escape");
    await expect(page.getByRole("alertdialog")).toBeHidden();
    await keys.press("Control+Shift+Backspace");
    await expect(page.getByRole("alertdialog").getByRole("button", { name: "Cancel" })).toBeFocused();
    await keys.press("Tab");
    await keys.press("Enter");
    await expect(page).toHaveURL(/\/$/);
    await expect(page.getByRole("navigation").getByRole("link", { name: "By keyboard" })).toBeHidden();
    await expect(composer(page)).toBeFocused();
  });
});

test("words that were not sent survive a session's end and a new sign-in", async ({ page }) => {
  await open(page);
  await ask(page, "Hello");
  await settled(page, "completed");
  await composer(page).fill("half a thought");
  await page.request.delete("/api/session");
  await page.getByRole("searchbox", { name: "Search chats" }).fill("sail");
  await expect(page).toHaveURL(/\/signin\?next=/);
  const next = new URL(page.url()).searchParams.get("next") ?? "";
  await page.goto(`/signin?token=good&next=${next}`);
  await expect(composer(page)).toHaveValue("half a thought");
  await page.goto("/settings");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/signin/);
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain("half a thought");
});

test("a chat that is deleted elsewhere while it answers leads to the list, and says why", async ({
  page,
}) => {
  await open(page);
  await ask(page, "slow");
  await expect(answerText(page)).not.toBeEmpty();
  await composer(page).fill("and another thing");
  const chat = new URL(page.url()).pathname.replace("/c/", "");
  await page.request.delete(`/api/chats/${chat}`);
  await expect(page).toHaveURL(/\/$/);
  await expect(page.getByText("This chat was deleted in another window.", { exact: true })).toBeVisible();
  await expect(page.getByRole("navigation").getByRole("link", { name: "slow" })).toBeHidden();
  await expect(composer(page)).toHaveValue("and another thing");
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

test("the tokenizer counts while one types, gives up old counts, and nothing moves", async ({ page }) => {
  await open(page);
  await expect(composer(page)).toBeFocused();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("tokenizer");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/tokenizer$/);
  const box = page.getByRole("textbox", { name: "Your text" });
  const tokens = page.getByRole("region", { name: "Tokens" });
  const count = page.locator("[data-slot=count]:visible").first();
  await expect(page.getByText("The tokens of your text will be here")).toBeVisible();
  const place = () => tokens.evaluate((e) => JSON.stringify(e.getBoundingClientRect()));
  const before = await place();

  await test.step("a count that a newer text overtakes is given up", async () => {
    const given = page.waitForEvent("requestfailed", (r) => r.url().endsWith("/v1/tokenize"));
    const asked = page.waitForRequest("**/v1/tokenize");
    await box.fill("slow one");
    await asked;
    await box.fill("one two");
    await given;
    await expect(count).toHaveText("2");
    await expect(page.locator("[data-token]")).toHaveText(["one", " two"]);
  });

  await test.step("typing in the middle keeps the caret there", async () => {
    await box.evaluate((e: HTMLTextAreaElement) => e.setSelectionRange(3, 3));
    await page.keyboard.type(" and a half", { delay: 60 });
    await expect(box).toHaveValue("one and a half two");
    expect(await box.evaluate((e: HTMLTextAreaElement) => e.selectionStart)).toBe(14);
    await expect(count).toHaveText("5");
    expect(await place()).toBe(before);
    await expect(page.getByRole("status").filter({ hasText: "5 tokens, 18 characters" })).toBeAttached();
  });

  await test.step("a letter of several tokens stands above their bytes", async () => {
    await box.fill("안");
    await expect(page.locator("[data-token]")).toHaveText(["ec", "95", "88"]);
    await expect(tokens).toContainText("안");
    await page.getByRole("radio", { name: "Token ids" }).click();
    await expect(tokens).toHaveText("[1236, 1149, 1136]");
    await page.getByRole("radio", { name: "Text" }).click();
  });

  await test.step("a long text is counted whole and shown in part", async () => {
    // Set at once: the browser takes half a minute to type as much.
    await box.evaluate((e, value) => {
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set?.call(e, value);
      e.dispatchEvent(new Event("input", { bubbles: true }));
    }, "one two three four\n".repeat(6000));
    await expect(count).toHaveText("30,000");
    await expect(tokens).toContainText("all are counted");
    expect(await page.locator("[data-token]").count()).toBeLessThanOrEqual(20_000);
    expect(await place()).toBe(before);
  });

  await test.step("what the server refuses is said, and can be asked again", async () => {
    await box.fill("refuse");
    await expect(page.getByRole("alert")).toContainText("Rate limit reached");
    await page.route("**/v1/tokenize", (route) => route.abort());
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("alert")).toContainText("Parley does not answer", { timeout: 30_000 });
    await page.unroute("**/v1/tokenize");
    await expect(box).toHaveValue("refuse");
    await page.getByRole("button", { name: "Clear" }).click();
    await expect(page.getByRole("alert")).toBeHidden();
    await expect(box).toBeFocused();
    await expect(count).toHaveText("0");
  });

  await test.step("prices follow the length of the answer", async () => {
    await box.fill("a b c");
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /^gpt-4 / }) });
    await page.getByRole("spinbutton", { name: "Expected answer, in tokens" }).fill("1000");
    await expect(row.getByRole("cell")).toHaveText(["3", "$0.00009", "$0.06", "$0.0601"]);
    await page.getByRole("spinbutton").fill("9000");
    await expect(row).toContainText("Longer than its window of 8,192 tokens");
  });

  await test.step("a chat is counted by keyboard, with its form", async () => {
    await page.getByRole("tab", { name: "Text" }).focus();
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("textbox", { name: "Content of message 1" })).toBeVisible();
    await page.getByRole("button", { name: "Remove message 1" }).press("Enter");
    await page.getByRole("textbox", { name: "Content of message 1" }).fill("a b");
    await page.getByRole("button", { name: "Add a message" }).press("Enter");
    await expect(page.getByRole("textbox", { name: "Content of message 2" })).toBeFocused();
    await expect(page.getByRole("combobox", { name: "Role of message 2" })).toHaveValue("assistant");
    await page.keyboard.type("c d e");
    await expect(page.locator("[data-slot=count]:visible")).toHaveText(["16", "11"]);
    await expect(page.getByRole("listitem").filter({ hasText: "3 tokens" })).toBeVisible();
    await page.getByRole("combobox", { name: "Vocabulary" }).selectOption("model smollm2-135m-instruct");
    await expect(page.locator("[data-token]:visible")).toHaveText(["a", " b", "c", " d", " e"]);
    await page.getByRole("tab", { name: "Text" }).click();
    await expect(box).toHaveValue("a b c");
  });
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

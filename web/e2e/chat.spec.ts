import { expect, test } from "@playwright/test";
import {
  answers,
  answerText,
  ask,
  complaints,
  composer,
  expectAccessible,
  expectNoSidewaysScroll,
  questions,
  screenshot,
  settled,
  stopButton,
} from "./page.ts";

// A real server with a real model, which may be small: what is said is never looked at.
const link = process.env.PARLEY_SIGNIN_LINK ?? "";
test.skip(
  !process.env.PARLEY_URL || link === "",
  "needs a running server: PARLEY_URL and PARLEY_SIGNIN_LINK (`make test` sets both)",
);

// One browser session for all, since a link works once; each test stands on the one before.
test.describe.configure({ mode: "serial", timeout: 600_000 });

test("a user signs in, asks, stops, comes back", async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = complaints(page);

  await test.step("without a session there is a page that says how to get in", async () => {
    await page.goto("/c/chat_unknown");
    await expect(page).toHaveURL(/\/signin/);
    await expect(page.getByText("parley signin", { exact: true })).toBeVisible();
    await expectAccessible(page);
    await screenshot(page, "sign-in");
  });

  await test.step("the link signs in, and its token leaves the address", async () => {
    await page.goto(link);
    await expect(composer(page)).toBeFocused();
    expect(page.url()).not.toContain("token");
    await expect(page.getByRole("button", { name: /^Choose a model: .+ served by .+/ })).toBeVisible();
    await expectAccessible(page);
    await screenshot(page, "new-chat");
  });

  await test.step("a link works once", async () => {
    const other = await browser.newContext();
    const stranger = await other.newPage();
    await stranger.goto(link);
    await expect(stranger.getByRole("alert")).toBeVisible();
    await other.close();
  });

  await test.step("tokens arrive one after the other, and the page says who answers", async () => {
    await ask(page, "Write a long story about a sailor, with many chapters.");
    await expect(page).toHaveURL(/\/c\/.+/);
    await expect(answerText(page)).not.toBeEmpty({ timeout: 45_000 });
    const early = (await answerText(page).innerText()).length;
    await expect.poll(async () => (await answerText(page).innerText()).length).toBeGreaterThan(early);
    await expect(answers(page).last().locator("[data-slot=answerer]")).not.toBeEmpty();
    await screenshot(page, "streaming");
  });

  let stoppedText = "";
  await test.step("stop stops, and the answer says that it is not whole", async () => {
    await stopButton(page).click();
    await settled(page, "stopped");
    await expect(page.getByText(/^Stopped before the/)).toBeVisible();
    // Not innerText, which puts line breaks between paragraphs where toHaveText sees none.
    stoppedText = (await answerText(page).textContent()) ?? "";
  });

  await test.step("after a reload the chat is still there, stopped as before", async () => {
    await page.reload();
    await expect(questions(page)).toHaveCount(1);
    await settled(page, "stopped");
    await expect(answerText(page)).toHaveText(stoppedText);
    await expect(page.getByRole("navigation").locator("a[aria-current=page]")).toBeVisible();
  });

  await test.step("asked again there are two versions, and one can turn between them", async () => {
    await page.getByRole("button", { name: "Answer again" }).last().click();
    await expect(page.getByText("Version 2 of 2")).toBeAttached({ timeout: 45_000 });
    await stopOrEnd();
    await page.getByRole("button", { name: "Older version" }).last().click();
    await expect(answerText(page)).toHaveText(stoppedText);
    await page.reload();
    await expect(answerText(page)).toHaveText(stoppedText);
  });

  await test.step("an edited question is a version too", async () => {
    await questions(page).first().hover();
    await questions(page).first().getByRole("button", { name: "Edit" }).click();
    const editor = page.getByRole("textbox", { name: "Edit" });
    await editor.fill("Write a Python function that tells whether a word is a palindrome.");
    await editor.press("Enter");
    await expect(questions(page)).toHaveText([/palindrome/]);
    await expect(page.getByText("Version 2 of 2")).toBeAttached();
    await settled(page, "completed");
    await expectAccessible(page);
    await screenshot(page, "chat");
  });

  async function stopOrEnd() {
    await expect(answerText(page)).not.toBeEmpty({ timeout: 45_000 });
    if (await stopButton(page).isVisible())
      await stopButton(page)
        .click({ timeout: 5_000 })
        .catch(() => undefined);
    await expect(answers(page).last()).toHaveAttribute("data-state", /stopped|completed/, {
      timeout: 45_000,
    });
  }

  await test.step("the chat can be renamed, found and deleted", async () => {
    await page.getByRole("button", { name: "More for this chat" }).click();
    await page.getByRole("menuitem", { name: "Rename chat" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("A sailor's hello");
    await page.getByRole("button", { name: "Save" }).click();
    const row = page.getByRole("navigation").getByRole("link", { name: "A sailor's hello" });
    await expect(row).toBeVisible();
    await page.getByRole("searchbox", { name: "Search chats" }).fill("no chat has this title");
    await expect(row).toBeHidden();
    await page.getByRole("searchbox", { name: "Search chats" }).fill("sailor");
    await expect(row).toBeVisible();
    await page.getByRole("button", { name: "Clear search" }).click();
  });

  await test.step("the tokenizer shows what the vocabularies of OpenAI and of the model make of a text", async () => {
    const chat = page.url();
    await page.getByRole("button", { name: /^Owner/ }).click();
    await page.getByRole("menuitem", { name: "Tokenizer" }).click();
    const box = page.getByRole("textbox", { name: "Your text" });
    const tokens = page.locator("[data-token]:visible");
    const counts = page.locator("[data-slot=count]:visible");
    await box.fill("ChatGPT is great!");
    await expect(tokens).toHaveText(["Chat", "G", "PT", " is", " great", "!"]);
    await expect(counts).toHaveText(["6", "17"]);
    await page.getByRole("radio", { name: "Token ids" }).click();
    await expect(page.getByRole("region", { name: "Tokens" })).toHaveText("[16047, 38, 2898, 374, 2294, 0]");
    await page.getByRole("radio", { name: "Text", exact: true }).click();
    const gpt4 = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /^gpt-4 / }) });
    await expect(gpt4.getByRole("cell")).toHaveText(["6", "$0.00018", "$0.015", "$0.0152"]);
    await page.getByRole("button", { name: "Show an example" }).click();
    await expect(tokens.filter({ hasText: "ec 95" })).toBeVisible();
    await expectAccessible(page);
    await box.fill(
      "A model reads tokens: pieces of words, often with the blank before.\n\n안녕하세요, 반갑습니다! 한글은 어휘에 따라 여러 토큰이 됩니다.\n\ndef headway(speed: float) -> float: return speed * 0.71\n\nDigits go in groups: 1234567890",
    );
    await expect(counts).toHaveText(["77", "195"]);
    await screenshot(page, "tokenizer");
    await page.getByRole("combobox", { name: "Vocabulary" }).selectOption({ label: "smollm2-135m-instruct" });
    await expect(counts).not.toHaveText(["77", "195"]);
    await expect(tokens.first()).toHaveText("A");
    await page.getByRole("tab", { name: "Chat" }).click();
    await page.getByRole("textbox", { name: "Content of message 2" }).fill("Hello!");
    // 3 around each message, 1 for each role, 3 for the answer; "Hello!" is two.
    await expect(counts).toHaveText(["13", "11"]);
    await page.getByRole("combobox", { name: "Vocabulary" }).selectOption({ label: "smollm2-135m-instruct" });
    await expect(tokens.filter({ hasText: "<|im_start|>" }).first()).toBeVisible();
    await expectAccessible(page);
    await page.goto(chat);
    await expect(composer(page)).toBeVisible(); // keys pressed before the page is there are nobody's
  });

  await test.step("in Korean everything but the chats is Korean", async () => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("한국어");
    await page.keyboard.press("Enter");
    await expect(composer(page)).toHaveAttribute("placeholder", "메시지를 입력하세요");
    await expect(page.locator("html")).toHaveAttribute("lang", "ko");
    await page.reload();
    await expect(page.getByRole("button", { name: "새 채팅" }).first()).toBeVisible();
    await expectAccessible(page);
    await screenshot(page, "korean");
  });

  await test.step("an input method's Enter sends nothing", async () => {
    const before = await questions(page).count();
    await composer(page).focus();
    const session = await context.newCDPSession(page);
    await session.send("Input.imeSetComposition", { text: "안녕", selectionStart: 2, selectionEnd: 2 });
    await composer(page).dispatchEvent("keydown", { key: "Enter", isComposing: true, keyCode: 229 });
    await session.send("Input.insertText", { text: "안녕" });
    await expect(composer(page)).toHaveValue("안녕");
    expect(await questions(page).count()).toBe(before);
    await composer(page).fill("");
  });

  await test.step("in the dark, and on a phone", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await expect(page.locator("html")).toHaveClass(/dark/);
    await expectAccessible(page);
    await screenshot(page, "dark");
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
    await screenshot(page, "phone-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByRole("button", { name: "사이드바 열기" }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await screenshot(page, "phone");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toBeHidden();
  });

  await test.step("a chat that another window deletes while it answers leads to the list", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    const before = page.url();
    await page.goto("/");
    await ask(page, "Write a long story about a sailor, with many chapters.");
    await expect(answerText(page)).not.toBeEmpty({ timeout: 45_000 });
    const other = await context.newPage();
    await other.goto(page.url());
    await expect(questions(other)).toHaveCount(1);
    await other.keyboard.press("Control+Shift+Backspace");
    await other.getByRole("alertdialog").getByRole("button", { name: "삭제" }).click();
    await expect(other).toHaveURL(/\/$/);
    await expect(page).toHaveURL(/\/$/);
    await expect(page.getByText("다른 창에서 삭제된 채팅입니다.", { exact: true })).toBeVisible();
    await other.close();
    await page.goto(before);
  });

  await test.step("deleting asks first, and signing out ends it", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole("button", { name: "이 채팅 더 보기" }).click();
    await page.getByRole("menuitem", { name: "채팅 삭제" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "삭제" }).click();
    await expect(page).toHaveURL(/\/$/);
    await expect(page.getByRole("navigation").getByRole("link", { name: "A sailor's hello" })).toBeHidden();
    await page.goto("/settings");
    await page.getByRole("button", { name: "로그아웃" }).click();
    await expect(page).toHaveURL(/\/signin/);
    await page.goto("/");
    await expect(page).toHaveURL(/\/signin/);
  });

  expect(faults).toEqual([]);
  await context.close();
});

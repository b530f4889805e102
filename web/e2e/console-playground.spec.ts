import { expect, type Page, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

const facts = (page: Page) => page.locator("[data-slot=playground-facts]");
const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });

async function done(page: Page) {
  await expect(facts(page)).toHaveAttribute("data-state", "done", { timeout: 60_000 });
}

let faults: string[];
test.beforeEach(async ({ page }) => {
  faults = complaints(page);
  await page.goto("/console/playground");
  await expect(page.getByRole("heading", { name: "Playground" })).toBeVisible();
});
test.afterEach(() => expect(faults).toEqual([]));

for (const colorScheme of ["light", "dark"] as const) {
  test(`chat, its probabilities and its preset, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await field(page, "System").fill("You are kind.");
    await field(page, "Content of message 1").fill("Say hello.");
    await page.getByRole("spinbutton", { name: "Maximum length" }).fill("8");
    await page.getByRole("combobox", { name: "Show probabilities" }).selectOption("full");
    await page.keyboard.press("Control+Enter");
    await done(page);
    await expect(field(page, "Content of message 2")).not.toHaveValue("");
    await expect(field(page, "Content of message 3")).toBeFocused();
    await expect(facts(page)).toContainText(/req_\w+/);
    await page
      .getByRole("toolbar", { name: /Tokens/ })
      .getByRole("button")
      .first()
      .click();
    await expect(page.getByRole("table").getByRole("row")).toHaveCount(5);
    await expectAccessible(page);
    await page.keyboard.press("Escape");
    const first = await field(page, "Content of message 2").inputValue();

    await page.getByRole("button", { name: "Save", exact: true }).click();
    await field(page, "Name").fill(`Greeting, ${colorScheme}`);
    await expectAccessible(page);
    await page.getByRole("button", { name: "Save a new preset" }).click();
    await expect(page).toHaveURL(/preset=preset_/);
    const link = page.url();
    await field(page, "Content of message 2").fill("something else");
    await page.goto("/console/playground?mode=edit");
    await expect(field(page, "Instruction")).toBeVisible();
    await page.goto(link);
    await expect(field(page, "Content of message 2")).toHaveValue(first);
    await page.getByRole("button", { name: "More with this preset" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await expect(page).not.toHaveURL(/preset=/);
  });
}

test("a completion is marked in its text, another takes its place, and goes where it is told", async ({
  page,
}) => {
  await page.getByRole("radio", { name: "Complete" }).click();
  const text = field(page, "Text to complete");
  await text.fill("One, two, three,");
  await page.getByRole("spinbutton", { name: "Maximum length" }).fill("5");
  await page.getByRole("button", { name: "Submit" }).click();
  await done(page);
  const mark = page.locator("[data-slot=completion]");
  const written = await mark.textContent();
  await expect(text).toHaveValue(`One, two, three,${written}`);
  await page.getByRole("button", { name: "Regenerate" }).click();
  await done(page);
  await expect(text).toHaveValue(`One, two, three,${await mark.textContent()}`);
  await expectAccessible(page);
  await text.fill("One, [insert] three");
  await page.getByRole("button", { name: "Submit" }).click();
  await done(page);
  await expect(text).toHaveValue(/^One, .* three$/s);
  // What the API refuses is shown in its words.
  await page.getByRole("spinbutton", { name: "Answers (n)" }).fill("3");
  await page.getByRole("spinbutton", { name: "Best of" }).fill("20");
  await page.getByRole("spinbutton", { name: "Maximum length" }).fill("1000000");
  await page.getByRole("button", { name: "Submit" }).click();
  await expect(page.getByRole("alert")).toContainText("400");
});

test("an edit needs an instruction, and a long answer can be stopped", async ({ page }) => {
  await page.getByRole("radio", { name: "Edit" }).click();
  await field(page, "Input").fill("What day of the wek is it?");
  await page.getByRole("button", { name: "Submit" }).click();
  await expect(page.getByText("Say what is to be done with the text.")).toBeVisible();
  await field(page, "Instruction").fill("Fix the spelling mistakes.");
  await page.keyboard.press("Control+Enter");
  await done(page);
  await expect(field(page, "Result")).not.toHaveValue("");
  await expectAccessible(page);

  await page.getByRole("radio", { name: "Chat" }).click();
  await field(page, "Content of message 1").fill("Write a very long story.");
  await page.getByRole("spinbutton", { name: "Maximum length" }).fill("2000");
  await page.keyboard.press("Control+Enter");
  await expect(field(page, "Content of message 2")).not.toHaveValue("");
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(facts(page)).toHaveAttribute("data-state", "stopped");
  await expect(field(page, "Content of message 2")).not.toHaveValue("");
});

test("functions are checked while one types, and code is shown for the request", async ({ page }) => {
  await page.getByRole("combobox", { name: "Functions" }).selectOption("tools");
  const json = field(page, "Functions as JSON");
  await json.fill("[{");
  await expect(page.getByText(/This is not JSON/)).toBeVisible();
  await json.fill('[{"name": "a b"}]');
  await expect(page.getByText(/Function 1 needs a name/)).toBeVisible();
  await json.fill('[{"name": "add", "parameters": {"type": "object", "properties": {}}}]');
  await page.getByRole("combobox", { name: "Which is called" }).selectOption("add");
  await page.getByRole("button", { name: "View code" }).click();
  const dialog = page.getByRole("dialog");
  for (const [language, words] of [
    ["Python", "client.chat.completions.create("],
    ["Python 0.28", "openai.ChatCompletion.create("],
    ["Node.js", "await client.chat.completions.create("],
    ["curl", "/v1/chat/completions"],
  ] as const) {
    await dialog.getByRole("radio", { name: language, exact: true }).click();
    await expect(dialog.locator("pre")).toContainText(words);
    await expect(dialog.locator("pre")).toContainText(new URL(page.url()).origin);
  }
  await expectAccessible(page);
});

test("on a phone the parameters are in a drawer", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
  await page.getByRole("button", { name: "Parameters" }).click();
  await page.getByRole("dialog").getByRole("spinbutton", { name: "Temperature" }).fill("0.2");
  await expectAccessible(page);
  await page.getByRole("dialog").locator("[data-slot=playground-model]").click();
  await page.getByPlaceholder("Search models").fill("gpt-4");
  await page.locator("[cmdk-item]").first().click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expectNoSidewaysScroll(page);
});

import { expect, type Page, test } from "@playwright/test";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

test.skip(!process.env.PARLEY_URL, "needs a running server");

const run = (page: Page) => page.locator("[data-slot=run]");
const status = (page: Page, is: string) =>
  expect(run(page)).toHaveAttribute("data-status", is, { timeout: 90_000 });
const assistantsOf = { "OpenAI-Beta": "assistants=v2" };

async function make(page: Page, body: object): Promise<string> {
  const made = await page.request.post("/v1/assistants", {
    headers: assistantsOf,
    data: { model: "gpt-4", ...body },
  });
  expect(made.status()).toBe(200);
  return ((await made.json()) as { id: string }).id;
}

test("an assistant is made by the palette, answers, and calls a function that is answered by hand", async ({
  page,
}) => {
  const faults = complaints(page);
  const name = `Tutor ${Date.now()}`;
  await page.goto("/console");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("Create assistant");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Create assistant" });
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("combobox", { name: "Model" }).fill("gpt-4");
  await dialog.getByRole("textbox", { name: "Instructions" }).fill("Answer in one short sentence.");
  // The same words each time: by chance a small model goes on for minutes.
  await dialog.getByRole("spinbutton", { name: "Temperature" }).fill("0");
  const functions = dialog.getByRole("textbox", { name: "Functions as JSON" });
  await functions.fill('[{"name": "a b"}]');
  await expect(dialog.getByText(/Function 1 needs a name/)).toBeVisible();
  await functions.fill(
    JSON.stringify([
      {
        name: "get_weather",
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      },
    ]),
  );
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(page).toHaveURL(/\/console\/assistants\/asst_/);
  await expect(page.getByRole("heading", { name })).toBeVisible();

  // A plain answer, streamed and read out.
  await page.getByRole("combobox", { name: "Tool that the model begins with" }).selectOption("none");
  await page.getByRole("textbox", { name: "Message" }).fill("Say hello.");
  await page.keyboard.press("Enter");
  await status(page, "completed");
  await expect(page).toHaveURL(/thread=thread_/);
  const answers = page.locator("[data-slot=thread-message][data-role=assistant]");
  await expect(answers.last().locator("[data-slot=markdown]")).not.toBeEmpty();
  await expect(page.locator("[data-slot=spoken]")).toContainText("Completed");
  await expect(run(page)).toContainText(/\d+ \+ \d+ tokens/);
  await answers.last().getByText("What the model saw").click();
  await expect(answers.last().locator("[data-slot=seen]")).toContainText("Messages shown");
  await expectAccessible(page);

  // A call that is forced, and answered in the form.
  await page.getByRole("combobox", { name: "Tool that the model begins with" }).selectOption("get_weather()");
  await page.getByRole("textbox", { name: "Message" }).fill("How is the weather in Paris?");
  await page.getByRole("button", { name: "Send" }).click();
  await status(page, "requires_action");
  await expect(page.locator("[data-slot=call]")).toContainText("get_weather");
  await expectAccessible(page);
  await page.getByRole("textbox", { name: "Output of get_weather" }).fill("Sunny, 21 degrees.");
  await page.getByRole("button", { name: "Submit the outputs" }).click();
  await status(page, "completed");
  await expect(page.locator("[data-slot=call]")).toContainText("Sunny, 21 degrees.");
  await expect(answers).toHaveCount(2);

  // The program that does the same, and the thread after a reload and in its list.
  await page.getByRole("button", { name: "View code" }).click();
  for (const [language, words] of [
    ["Python", "runs.create_and_poll("],
    ["Node.js", "submitToolOutputsAndPoll("],
    ["curl", "submit_tool_outputs"],
  ] as const) {
    await page.getByRole("dialog").getByRole("radio", { name: language, exact: true }).click();
    await expect(page.getByRole("dialog").locator("pre")).toContainText(words);
    await expect(page.getByRole("dialog").locator("pre")).toContainText("Sunny, 21 degrees.");
  }
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.reload();
  await expect(answers).toHaveCount(2);
  await expect(page.locator("[data-slot=call]")).toContainText("Sunny, 21 degrees.");
  await page.goto("/console/threads");
  await page.getByRole("link", { name: "Say hello." }).first().click();
  await expect(page).toHaveURL(/\/console\/threads\/thread_/);
  await expect(answers).toHaveCount(2);
  await expectAccessible(page);

  await page.goto(`/console/assistants?q=${encodeURIComponent(name)}`);
  await page.getByRole("button", { name: `Actions for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Nothing matches.").or(page.getByText("No assistants yet"))).toBeVisible();
  expect(faults).toEqual([]);
});

test("a run is cancelled, a file goes with a message, and what the API refuses is told", async ({ page }) => {
  const id = await make(page, { name: "Writer", tools: [{ type: "file_search" }] });
  await page.goto(`/console/assistants/${id}`);
  await page.getByRole("button", { name: "Attach files" }).click();
  await page.locator("[data-slot=file-field] input[type=file]").setInputFiles({
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("The code word is heron."),
  });
  await expect(page.getByRole("button", { name: "Remove notes.txt" })).toBeVisible();
  await page.getByRole("combobox", { name: "Tool that the model begins with" }).selectOption("none");
  await page.getByRole("textbox", { name: "Message" }).fill("Write a very long story.");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "notes.txt" })).toBeVisible();
  const answer = page.locator("[data-slot=thread-message][data-role=assistant] [data-slot=markdown]");
  await expect(answer).not.toBeEmpty({ timeout: 90_000 });
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await status(page, "cancelled");

  await page.goto(`/console/assistants/${id}?thread=thread_missing`);
  await expect(page.getByRole("alert")).toContainText("thread_missing");
  await page.goto("/console/assistants/asst_missing");
  await expect(page.getByRole("heading", { name: "No such assistant" })).toBeVisible();
  await page.request.delete(`/v1/assistants/${id}`, { headers: assistantsOf });
});

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 390],
] as const) {
  test(`assistants: accessible, ${colorScheme}, ${width} px, in Korean too`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    const id = await make(page, {
      name: "Helper with quite a long name, as people have them",
      instructions: "Be kind.",
      tools: [{ type: "file_search" }, { type: "code_interpreter" }],
    });
    for (const path of [
      "/console/assistants",
      `/console/assistants/${id}`,
      `/console/assistants/${id}?dialog=edit`,
      "/console/threads",
    ]) {
      await page.goto(path);
      await expect(page.getByRole("heading").first()).toBeVisible();
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    }
    await page.evaluate(() => localStorage.setItem("parley.language", "ko"));
    await page.goto("/console/assistants");
    await expect(page.getByRole("heading", { name: "어시스턴트", exact: true })).toBeVisible();
    await expectNoSidewaysScroll(page);
    await page.evaluate(() => localStorage.removeItem("parley.language"));
    await page.request.delete(`/v1/assistants/${id}`, { headers: assistantsOf });
  });
}

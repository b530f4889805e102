import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Locator, type Page } from "@playwright/test";
import path from "node:path";

/** What tests of the chat page do, in the words of a user. Names are found in English and Korean. */

export const composer = (page: Page): Locator => page.locator("#composer");
export const answers = (page: Page): Locator => page.locator("[data-slot=message][data-role=assistant]");
export const questions = (page: Page): Locator => page.locator("[data-slot=message][data-role=user]");
export const answerText = (page: Page): Locator => answers(page).last().locator("[data-slot=markdown]");
export const stopButton = (page: Page): Locator => page.getByRole("button", { name: /^(Stop|중지)$/ });

export async function ask(page: Page, text: string) {
  await composer(page).fill(text);
  await page.getByRole("button", { name: /^(Send|보내기)$/ }).click();
}

export async function settled(page: Page, state: "completed" | "stopped" | "failed") {
  await expect(answers(page).last()).toHaveAttribute("data-state", state, { timeout: 45_000 });
}

/** No serious fault that axe can see, in the theme that is on. */
export async function expectAccessible(page: Page) {
  await page.waitForTimeout(300); // colours in transition would be measured half-way
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  const told = serious.map(
    (v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary ?? ""}`).join("\n")}`,
  );
  expect(told).toEqual([]);
}

/** Nothing to the side: a page on a phone scrolls one way only. */
export async function expectNoSidewaysScroll(page: Page) {
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  expect(width[0]).toBeLessThanOrEqual(width[1] ?? 0);
}

/** Collects what the browser complains about: broken scripts, and breaches of the content security policy. */
export function complaints(page: Page): string[] {
  const all: string[] = [];
  page.on("pageerror", (error) => all.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !text.startsWith("Failed to load resource")) all.push(text);
  });
  return all;
}

/** Writes a picture for the documents, when SCREENSHOTS is set. */
export async function screenshot(page: Page, name: string) {
  if (!process.env.SCREENSHOTS) return;
  await page.waitForTimeout(400); // menus and themes have come to rest
  await page.screenshot({ path: path.resolve(import.meta.dirname, "../../docs/images", `${name}.png`) });
}

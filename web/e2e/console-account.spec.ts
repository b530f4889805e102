import { expect, type Page, test } from "@playwright/test";
import { createHmac } from "node:crypto";
import { complaints, expectAccessible, expectNoSidewaysScroll } from "./page.ts";

// A second user's own account on the real server: joining, a password, a second factor with codes that are computed here as an
// app does, sessions, and an organization that requires a second factor. The owner's session, which the other specs share, stays.

const password = "seven otters in a drawer";

/** What an authenticator app shows for a secret (RFC 6238), `ahead` steps of 30 seconds from now. */
function totp(secret: string, ahead = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = Array.from(secret.replaceAll("-", ""))
    .map((c) => letters.indexOf(c).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const sum = createHmac("sha1", key).update(counter).digest();
  const at = (sum.at(-1) ?? 0) & 15;
  return String((sum.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

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

test("an account: password, second factor, sessions", async ({ page, browser, baseURL }) => {
  test.skip(
    !process.env.PARLEY_URL || !process.env.PARLEY_CONSOLE_LINK,
    "needs a running server: PARLEY_URL and PARLEY_CONSOLE_LINK",
  );
  const email = `ann-${Date.now()}@example.com`;
  const origin = baseURL ?? "";

  // The owner invites somebody, and has a session that can be taken for another browser of theirs.
  const invited = await page.request.post("/v1/organization/invites", {
    data: { email, role: "reader" },
    headers: { Origin: origin },
  });
  const { link } = (await invited.json()) as { link: string };
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] }, baseURL: origin });
  const ann = await context.newPage();
  const faults = complaints(ann);

  await test.step("joining leads to a password", async () => {
    await ann.goto(link);
    await ann.getByRole("button", { name: "Go on" }).click();
    await expect(ann).toHaveURL(/\/account\?welcome=yes$/);
    await expect(ann.getByText("Set a password, so that you can sign in again")).toBeVisible();
    await look(ann);
    await ann.getByRole("button", { name: "Set password" }).click();
    await ann.getByLabel("New password").fill("password1234");
    await ann.getByRole("dialog").getByRole("button", { name: "Set password" }).click();
    await expect(ann.getByRole("alert").filter({ hasText: "easy to guess" })).toBeVisible();
    await look(ann);
    await ann.getByLabel("New password").fill(password);
    await ann.getByRole("button", { name: "Show the password" }).click();
    await expect(ann.getByLabel("New password")).toHaveAttribute("type", "text");
    await ann.getByRole("dialog").getByRole("button", { name: "Set password" }).click();
    await expect(ann.getByRole("button", { name: "Change password" })).toBeVisible();
  });

  let secret = "";
  let codes: string[] = [];
  await test.step("a second factor is set up", async () => {
    await ann.keyboard.press("Control+k");
    await ann.getByRole("combobox").fill("second factor");
    await ann.getByRole("option", { name: "Set up your second factor" }).click();
    await ann.getByRole("button", { name: "Continue" }).click();
    await expect(ann.getByRole("img", { name: "QR code for your authenticator app" })).toBeVisible();
    secret = await ann
      .getByRole("group", { name: "Or type this secret into the app" })
      .getByRole("code")
      .innerText();
    await look(ann);
    await ann.getByLabel("Code", { exact: true }).fill("000000");
    await ann.getByRole("button", { name: "Turn on" }).click();
    await expect(ann.getByRole("alert").filter({ hasText: "not right" })).toBeVisible();
    await ann.getByLabel("Code", { exact: true }).fill(totp(secret));
    await ann.getByRole("button", { name: "Turn on" }).click();
    await expect(ann.getByRole("list", { name: "Recovery codes" }).getByRole("listitem")).toHaveCount(10);
    codes = await ann.getByRole("list", { name: "Recovery codes" }).getByRole("listitem").allInnerTexts();
    await look(ann);
    await ann.getByRole("button", { name: "I have kept them" }).click();
    await expect(ann.getByText(/^On since/)).toBeVisible();
    await expect(ann.getByText("10 left")).toBeVisible();
    await look(ann);
  });

  const signIn = async (page: Page, code: string) => {
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
    await page.getByLabel("Code").fill(code);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  };
  const second = await browser.newContext({ storageState: { cookies: [], origins: [] }, baseURL: origin });
  const phone = await second.newPage();
  faults.push(...complaints(phone));

  await test.step("signing in takes the password and a code, and leads nowhere else", async () => {
    await phone.goto("/signin?next=//evil.example/");
    await phone.getByLabel("E-mail address").fill(email);
    await phone.getByLabel("Password", { exact: true }).fill("wrong");
    await phone.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(phone.getByRole("alert")).toContainText("not right");
    await look(phone);
    await signIn(phone, totp(secret, 1)); // the code of now confirmed; each counts once
    await expect(phone).toHaveURL(`${origin}/`);
    await phone.goto("/account");
    await expect(phone.getByText("10 left")).toBeVisible();
  });

  await test.step("the first browser ends the second", async () => {
    await ann.reload();
    await expect(ann.getByText("This browser")).toBeVisible();
    await ann.getByRole("button", { name: "End all other sessions" }).click();
    await ann.getByRole("alertdialog").getByRole("button", { name: "End all other sessions" }).click();
    await expect(ann.getByRole("alertdialog")).toBeHidden();
    await phone.reload();
    await expect(phone).toHaveURL(/\/signin\?next=%2Faccount/);
  });

  await test.step("a recovery code signs in once", async () => {
    await phone.getByLabel("E-mail address").fill(email);
    await phone.getByLabel("Password", { exact: true }).fill(password);
    await phone.getByRole("button", { name: "Sign in", exact: true }).click();
    await look(phone);
    await phone.getByLabel("Code").fill(codes[0] ?? "");
    await phone.getByRole("button", { name: "Sign in", exact: true }).click();
    await expect(phone).toHaveURL(/\/account$/);
    await expect(phone.getByText("9 left")).toBeVisible();
  });

  await test.step("who has no second factor is held where one is required", async () => {
    // An organization of its own: the owner of the first one goes on with the other specs.
    const made = await page.request.post("/api/operator/organizations", {
      data: { name: `second-${Date.now()}`, owner: `carol-${Date.now()}@example.com` },
      headers: { Origin: origin },
    });
    const third = await browser.newContext({ storageState: { cookies: [], origins: [] }, baseURL: origin });
    const carol = await third.newPage();
    faults.push(...complaints(carol));
    await carol.goto(((await made.json()) as { link: string }).link);
    await carol.getByRole("button", { name: "Go on" }).click();
    await expect(carol).toHaveURL(/\/account\?welcome=yes$/);
    await carol.goto("/console/signin");
    await carol.getByLabel("Require a second factor").click();
    await look(carol);
    await carol.getByRole("button", { name: "Require it" }).click();
    await expect(carol).toHaveURL(/\/account$/); // she has none herself
    await expect(carol.getByRole("alert")).toContainText("requires a second factor");
    await look(carol);
    await carol.goto("/console/keys");
    await expect(carol).toHaveURL(/\/account$/);
    await carol.getByRole("button", { name: "Set up second factor" }).click();
    await carol.getByRole("button", { name: "Continue" }).click();
    const seed = await carol
      .getByRole("group", { name: "Or type this secret into the app" })
      .getByRole("code")
      .innerText();
    await carol.getByLabel("Code", { exact: true }).fill(totp(seed));
    await carol.getByRole("button", { name: "Turn on" }).click();
    await carol.getByRole("button", { name: "I have kept them" }).click();
    await expect(carol.getByText(/^Required by second-/)).toBeVisible();
    await carol.goto("/console/keys");
    await expect(carol.getByRole("heading", { name: "API keys" })).toBeVisible();
    await third.close();
  });
  await context.close();
  await second.close();
  expect(faults).toEqual([]);
});

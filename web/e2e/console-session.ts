import { expect, test } from "@playwright/test";

// Signs the owner in once for all specs of the console: a link works once.
test("the owner signs in, and finds the way to the console", async ({ page }, info) => {
  const link = process.env.PARLEY_CONSOLE_LINK ?? "";
  const { consoleSession } = info.project.metadata as { consoleSession: string };
  await page.context().storageState({ path: consoleSession }); // for the others, should they be skipped like this
  test.skip(
    !process.env.PARLEY_URL || link === "",
    "needs a running server: PARLEY_URL and PARLEY_CONSOLE_LINK (`make test` sets both)",
  );
  await page.goto(link);
  await page
    .getByRole("navigation")
    .getByRole("button", { name: /Owner|.+/ })
    .last()
    .click();
  await page.getByRole("menuitem", { name: "Open the console" }).click();
  await expect(page).toHaveURL(/\/console$/);
  await page.context().storageState({ path: consoleSession });
});

import path from "node:path";
import { defineConfig } from "@playwright/test";

// The distribution's Chromium: nothing is downloaded. CHROMIUM names another one.
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const fake = "http://127.0.0.1:8097";

// The console's specs share one browser session, which the first of them begins with PARLEY_CONSOLE_LINK.
const consoleSession = path.resolve(import.meta.dirname, "test-results/console-session.json");

/**
 * Three projects. "pages" looks at every page and state against the fake API (needs `npm run build`). "chat" is the
 * promise of the product: a real server, named by PARLEY_URL and PARLEY_SIGNIN_LINK, and a real model. "console" is the
 * console on that server, whose owner signs in with a second link, PARLEY_CONSOLE_LINK.
 */
export default defineConfig({
  testDir: "e2e",
  timeout: 240_000, // axe looks at every element; two cores may be shared,
  expect: { timeout: 15_000 },
  workers: 1,
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    actionTimeout: 30_000,
    locale: "en-US",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
      ],
    },
  },
  projects: [
    { name: "pages", testMatch: "pages.spec.ts", use: { baseURL: fake } },
    { name: "chat", testMatch: "chat.spec.ts", use: { baseURL: process.env.PARLEY_URL ?? "" } },
    {
      name: "console-session",
      testMatch: "console-session.ts",
      use: { baseURL: process.env.PARLEY_URL ?? "" },
      metadata: { consoleSession },
    },
    {
      name: "console",
      testMatch: "console-*.spec.ts",
      dependencies: ["console-session"],
      use: { baseURL: process.env.PARLEY_URL ?? "", storageState: consoleSession },
    },
  ],
  webServer: {
    command: "node e2e/fake-api/server.mjs 8097",
    url: `${fake}/signin`,
    stdout: "ignore",
  },
});

import { defineConfig } from "@playwright/test";

// The distribution's Chromium: nothing is downloaded. CHROMIUM names another one.
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const fake = "http://127.0.0.1:8097";

/**
 * Two projects. "pages" looks at every page and state against the fake API (needs `npm run build`). "chat" is the
 * promise of the product: a real server, named by PARLEY_URL and PARLEY_SIGNIN_LINK, and a real model.
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
  ],
  webServer: {
    command: "node e2e/fake-api/server.mjs 8097",
    url: `${fake}/signin`,
    stdout: "ignore",
  },
});

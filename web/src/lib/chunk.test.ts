import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { chunk, ChunkMissing } from "./chunk";

const gone = new TypeError("Failed to fetch dynamically imported module: /assets/x.js");

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What comes of fetching a chunk that fails so many times, of a server that answers or not. */
async function outcome(failures: number, server: "up" | "away"): Promise<unknown> {
  vi.stubGlobal("fetch", () =>
    server === "up" ? Promise.resolve(new Response("{}")) : Promise.reject(new TypeError("no network")),
  );
  let left = failures;
  const result = chunk(() => (left-- > 0 ? Promise.reject(gone) : Promise.resolve("code"))).catch(
    (error: unknown) => error,
  );
  await vi.runAllTimersAsync();
  return result;
}

it("tries again for a moment", async () => {
  expect(await outcome(0, "away")).toBe("code");
  expect(await outcome(2, "away")).toBe("code");
});

it("says that the server is away, which the page can show", async () => {
  expect(await outcome(3, "away")).toBeInstanceOf(ChunkMissing);
});

it("leaves a file that is no longer there to the router, which loads the page anew", async () => {
  expect(await outcome(3, "up")).toBe(gone);
});

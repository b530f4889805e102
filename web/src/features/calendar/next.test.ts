import { expect, it } from "vitest";
import type { Entry } from "./api";
import { changesAfter } from "./next";

const entry = (name: string, more: Partial<Entry>): Entry => ({
  object: "calendar_entry",
  name,
  after: "keep",
  count: "native",
  layer: "built_in",
  today: { state: "current" },
  ...more,
});

it("tells what comes after today, the soonest first", () => {
  const entries = [
    entry("b", { shutdown: "2024-06-13", announced: "2024-01-01", after: "fail", replacement: "c" }),
    entry("a", {
      moves: [
        { from: "2024-01-25", to: "a-1" },
        { from: "2024-02-16", to: "a-2" },
      ],
    }),
    entry("never", { shutdown: "never" }),
  ];
  expect(changesAfter(entries, "2024-01-25")).toEqual([
    { day: "2024-02-16", name: "a", what: "move", to: "a-2", fails: false },
    { day: "2024-06-13", name: "b", what: "shutdown", to: "c", fails: true },
  ]);
});

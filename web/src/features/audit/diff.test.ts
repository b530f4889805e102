import { expect, it } from "vitest";
import { changes } from "./diff";

it("lists what differs first, then what stayed", () => {
  expect(
    changes({ name: "bot", scopes: ["*"], models: null }, { name: "bot", scopes: ["chat.*"], expires_at: 1 }),
  ).toEqual([
    { name: "scopes", before: '["*"]', after: '["chat.*"]' },
    { name: "expires_at", before: null, after: "1" },
    { name: "name", before: "bot", after: "bot" },
    { name: "models", before: null, after: null },
  ]);
});

it("takes what is missing or no object", () => {
  expect(changes(undefined, undefined)).toEqual([]);
  expect(changes(null, "x")).toEqual([{ name: "", before: null, after: "x" }]);
});

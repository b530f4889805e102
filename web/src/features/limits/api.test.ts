import { expect, it } from "vitest";
import { readFigures } from "./api";

it("reads figures from fields", () => {
  expect(readFigures({})).toEqual({});
  expect(readFigures({ max_requests_per_1_minute: " 60 ", max_tokens_per_1_day: "" })).toEqual({
    max_requests_per_1_minute: 60,
  });
  for (const text of ["-1", "1.5", "1e3", "many", "1,000"]) {
    expect(readFigures({ max_tokens_per_1_minute: text }), text).toBe(null);
  }
});

import { expect, it } from "vitest";
import type { TokenPrice } from "@/api/types";
import { byKind, costOf, dollars, tooLong } from "./prices";

const price = (part: Partial<TokenPrice>): TokenPrice => ({
  model: "gpt-4",
  kind: "chat",
  encoding: "cl100k_base",
  tokens: 1000,
  input_price: 0.03,
  output_price: 0.06,
  context_window: 1200,
  ...part,
});

it("adds prompt and answer", () => {
  const { prompt, answer, total } = costOf(price({}), 500);
  expect([prompt, answer]).toEqual([0.03, 0.03]);
  expect(total).toBeCloseTo(0.06);
});

it("has no answer of an embedding", () => {
  expect(costOf(price({ kind: "embedding", output_price: null }), 500)).toEqual({
    prompt: 0.03,
    answer: null,
    total: 0.03,
  });
});

it("knows no cost without a count or a price", () => {
  expect(costOf(price({ tokens: null }), 500)).toEqual({ prompt: null, answer: null, total: null });
  expect(costOf(price({ output_price: null }), 500)).toEqual({ prompt: 0.03, answer: null, total: null });
});

it("sees what does not fit into the window", () => {
  expect(tooLong(price({}), 200)).toBe(false);
  expect(tooLong(price({}), 201)).toBe(true);
  expect(tooLong(price({ kind: "embedding" }), 201)).toBe(false);
  expect(tooLong(price({ tokens: null }), 5000)).toBe(false);
  expect(tooLong(price({ context_window: 0 }), 5000)).toBe(false);
});

it("groups by kind and keeps the order", () => {
  const all = [price({ model: "a" }), price({ model: "b", kind: "completion" }), price({ model: "c" })];
  expect([...byKind(all)].map(([kind, rows]) => [kind, rows.map((row) => row.model)])).toEqual([
    ["chat", ["a", "c"]],
    ["completion", ["b"]],
  ]);
});

it("writes small amounts with what counts of them", () => {
  expect(dollars(0.0000012345, "en")).toBe("$0.00000123");
  expect(dollars(1234.5, "en")).toBe("$1,230");
  expect(dollars(0, "en")).toBe("$0");
});

import { expect, test } from "vitest";
import { amountOf, runningTotal } from "./month";

test("a month adds up day by day, until today", () => {
  const buckets = [0, 86_400, 172_800, 259_200];
  const days = [
    { start: 0, cost: 1 },
    { start: 172_800, cost: 0.5 },
  ];
  expect(runningTotal(buckets, days, 180_000)).toEqual([1, 1, 1.5, null]);
  expect(runningTotal(buckets, [], 10)).toEqual([0, null, null, null]);
});

test("amounts of dollars", () => {
  expect(amountOf(" 12.5 ")).toBe(12.5);
  expect(amountOf("$3")).toBe(3);
  expect(amountOf("0")).toBe(0);
  expect(amountOf("")).toBeNull();
  for (const text of ["-1", "x", "1e3", "1,000", "Infinity", "."]) expect(amountOf(text)).toBeNaN();
});

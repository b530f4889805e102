import { expect, it } from "vitest";
import { keepsLess, parseDays } from "./KeepingSection";

it("takes whole days, 0 for good", () => {
  expect([parseDays("0"), parseDays(" 90 "), parseDays("36500")]).toEqual([0, 90, 36_500]);
  for (const bad of ["", " ", "-1", "1.5", "36501", "a week"]) expect(parseDays(bad)).toBeNull();
});

it("knows when something goes: for good is the longest", () => {
  expect(keepsLess(0, 90)).toBe(true);
  expect(keepsLess(90, 30)).toBe(true);
  for (const [before, after] of [
    [90, 0],
    [30, 90],
    [90, 90],
    [0, 0],
  ] as const)
    expect(keepsLess(before, after)).toBe(false);
});

import { expect, it } from "vitest";
import { timeLeft } from "./left";

it("rounds what is left to what people need", () => {
  expect([1, 12, 89, 90, 3599, 5400, 86_400].map((s) => timeLeft(s, "en"))).toEqual([
    "5 seconds",
    "15 seconds",
    "90 seconds",
    "2 minutes",
    "60 minutes",
    "2 hours",
    "24 hours",
  ]);
});

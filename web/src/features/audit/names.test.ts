import { expect, it } from "vitest";
import en from "@/i18n/en";
import { nameIn } from "./names";
import { isType, types } from "./types";

it("finds what an object is called among what was noted of it", () => {
  expect(nameIn({ role: "member", email: "ann@example.com" })).toBe("ann@example.com");
  expect(nameIn({ name: "ledger", email: "ann@example.com" })).toBe("ledger");
  for (const nothing of [null, undefined, "text", {}, { name: "" }, { name: 3 }]) {
    expect(nameIn(nothing)).toBeUndefined();
  }
});

it("has words for every type, and no others", () => {
  type Texts = { [key: string]: string | Texts };
  const named = (texts: Texts, prefix = ""): string[] =>
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "string" ? [prefix + key] : named(value, `${prefix}${key}.`),
    );
  expect(named(en.acts).sort()).toEqual([...types].sort());
  expect(isType("login.failed")).toBe(true);
  expect(isType("something.newer")).toBe(false);
});

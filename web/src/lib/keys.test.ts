import { expect, it } from "vitest";
import { keyCaps, matches } from "./keys";

const press = (code: string, key: string, held: ("ctrlKey" | "metaKey" | "shiftKey" | "altKey")[] = []) => ({
  code,
  key,
  ctrlKey: held.includes("ctrlKey"),
  metaKey: held.includes("metaKey"),
  shiftKey: held.includes("shiftKey"),
  altKey: held.includes("altKey"),
});

it("matches exactly the keys that are named", () => {
  expect(matches("mod+k", press("KeyK", "k", ["ctrlKey"]), false)).toBe(true);
  expect(matches("mod+k", press("KeyK", "K", ["ctrlKey", "shiftKey"]), false)).toBe(false);
  expect(matches("mod+k", press("KeyK", "k"), false)).toBe(false);
  expect(matches("mod+k", press("KeyK", "k", ["metaKey"]), true)).toBe(true);
  expect(matches("mod+k", press("KeyK", "k", ["ctrlKey"]), true)).toBe(false);
  expect(matches("escape", press("Escape", "Escape"), false)).toBe(true);
});

it("matches letters on a Korean layout", () => {
  expect(matches("mod+k", press("KeyK", "ㅏ", ["ctrlKey"]), false)).toBe(true);
});

it("shows keys as the keyboard does", () => {
  expect(keyCaps("mod+shift+o", true)).toEqual(["⌘", "⇧", "O"]);
  expect(keyCaps("mod+shift+o", false)).toEqual(["Ctrl", "Shift", "O"]);
});

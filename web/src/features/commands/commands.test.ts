import i18next from "i18next";
import { beforeAll, expect, it } from "vitest";
import { initI18n, setLanguage } from "@/i18n";
import { command, commands } from "./all";

beforeAll(() => initI18n("en"));

const duplicates = (values: string[]) => values.filter((value, i) => values.indexOf(value) !== i);

it("gives every command its own id and keys", () => {
  expect(duplicates(commands.map((c) => c.id))).toEqual([]);
  expect(duplicates(commands.flatMap((c) => c.keys ?? []))).toEqual([]);
});

it("has a name for every command in both languages", async () => {
  for (const language of ["en", "ko"] as const) {
    await setLanguage(language);
    for (const { label } of commands) expect(i18next.exists(label), `${language} ${label}`).toBe(true);
  }
});

it("takes no keys that browsers keep for themselves", () => {
  const reserved = [
    "mod+n",
    "mod+t",
    "mod+w",
    "mod+shift+n",
    "mod+shift+t",
    "mod+shift+w",
    "mod+l",
    "mod+r",
    "mod+p",
    "mod+shift+c",
    "mod+shift+i",
  ];
  for (const { keys } of commands) expect(reserved).not.toContain(keys);
});

it("asks Shift only with keys that are the same with it", () => {
  for (const keys of commands.flatMap((c) => c.keys ?? [])) {
    if (keys.includes("shift+")) expect(keys).toMatch(/\+([a-z]|escape|enter|backspace)$/);
  }
});

it("finds a command by id, and says so when there is none", () => {
  expect(command("chats.new").keys).toBe("mod+shift+o");
  expect(() => command("chats.fly")).toThrow("chats.fly");
});

import { describe, expect, it } from "vitest";
import { pickLanguage, languages } from ".";
import en from "./en";
import ko from "./ko";

type Texts = { [key: string]: string | Texts };

function flatten(texts: Texts, prefix = ""): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flatten(value, `${prefix}${key}.`),
  );
}

/** Plural forms differ from language to language: their endings are no part of the key. */
const keys = (texts: Texts) =>
  new Set(flatten(texts).map(([key]) => key.replace(/_(zero|one|two|few|many|other)$/, "")));

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();

const files = import.meta.glob<Texts>("./*/*.json", { eager: true, import: "default" });

describe("texts", () => {
  it("are a file for each area, named as its one key, and all of them are loaded", () => {
    const loaded = { en, ko } as const;
    for (const [path, texts] of Object.entries(files)) {
      const [, language, area] = /^\.\/(en|ko)\/(\w+)\.json$/.exec(path) ?? [];
      expect(Object.keys(texts), path).toEqual([area]);
      expect(loaded[language as keyof typeof loaded], path).toHaveProperty(area ?? "");
    }
  });

  it("exist in both languages under the same keys", () => {
    expect([...keys(ko)].sort()).toEqual([...keys(en)].sort());
  });

  it("fill in the same values", () => {
    const korean = new Map(flatten(ko));
    for (const [key, text] of flatten(en)) {
      const other = korean.get(key);
      if (other !== undefined) expect(placeholders(other), key).toEqual(placeholders(text));
    }
  });

  it("have every plural form of their language", () => {
    for (const [language, texts] of Object.entries({ en, ko })) {
      const all = new Set(flatten(texts).map(([key]) => key));
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      for (const key of all) {
        if (!key.endsWith("_other")) continue;
        for (const form of forms) expect(all, language).toContain(key.replace(/other$/, form));
      }
    }
  });

  it("are not empty", () => {
    for (const [key, text] of [...flatten(en), ...flatten(ko)]) expect(text.trim(), key).not.toBe("");
  });
});

describe("pickLanguage", () => {
  it("takes the choice, then the browser's wishes, then English", () => {
    expect(pickLanguage("ko", ["en-US"])).toBe("ko");
    expect(pickLanguage(null, ["fr", "ko-KR", "en"])).toBe("ko");
    expect(pickLanguage("xx", ["fr"])).toBe("en");
    expect(Object.keys(languages)).toContain(pickLanguage(null, []));
  });
});

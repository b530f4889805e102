import i18next from "i18next";
import { initReactI18next } from "react-i18next";

/** Languages of the app. A new one is a line here and a folder beside this file. */
export const languages = {
  en: { name: "English", load: () => import("./en") },
  ko: { name: "한국어", load: () => import("./ko") },
} as const;

export type Language = keyof typeof languages;

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && value in languages;
}

/** The reader's choice, else the first language of the browser that we have, else English. */
export function pickLanguage(chosen: string | null, preferred: readonly string[]): Language {
  const wishes = [chosen, ...preferred.map((tag) => tag.split("-")[0])];
  return wishes.find(isLanguage) ?? "en";
}

/** Loads the texts, then switches; a page never shows half of each. */
export async function setLanguage(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, "app")) {
    const texts = await languages[language].load();
    i18next.addResourceBundle(language, "app", texts.default);
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

export async function initI18n(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    defaultNS: "app",
    resources: {},
    interpolation: { escapeValue: false }, // React escapes
  });
  await setLanguage(language);
}

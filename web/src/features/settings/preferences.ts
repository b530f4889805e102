import i18next from "i18next";
import { isLanguage, type Language, setLanguage } from "@/i18n";
import { createStore } from "@/lib/store";

/** What a reader chose for this browser. Kept in local storage under the names that theme.js reads too. */
export type Theme = "system" | "light" | "dark";
export const themes: readonly Theme[] = ["system", "light", "dark"];

type Preferences = { theme: Theme; sidebar: boolean; model: string | null };

function read(key: string): string | null {
  try {
    return localStorage.getItem(`parley.${key}`);
  } catch {
    return null;
  }
}

function write(key: string, value: string) {
  try {
    localStorage.setItem(`parley.${key}`, value);
  } catch {
    // Storage is switched off or full: the choice lasts as long as the page.
  }
}

function readTheme(): Theme {
  const stored = read("theme");
  return themes.find((theme) => theme === stored) ?? "system";
}

export const preferences = createStore<Preferences>({
  theme: readTheme(),
  sidebar: read("sidebar") !== "closed",
  model: read("model"),
});

export function storedLanguage(): Language | null {
  const stored = read("language");
  return isLanguage(stored) ? stored : null;
}

export function chooseTheme(theme: Theme) {
  write("theme", theme);
  preferences.set((p) => ({ ...p, theme }));
  applyTheme();
}

export function chooseSidebar(open: boolean) {
  write("sidebar", open ? "open" : "closed");
  preferences.set((p) => ({ ...p, sidebar: open }));
}

/** The model for new chats. */
export function chooseModel(model: string) {
  write("model", model);
  preferences.set((p) => ({ ...p, model }));
}

export async function chooseLanguage(language: Language) {
  await setLanguage(language);
  write("language", language);
}

export function currentLanguage(): Language {
  return isLanguage(i18next.language) ? i18next.language : "en";
}

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const { theme } = preferences.get();
  const dark = theme === "dark" || (theme === "system" && systemDark.matches);
  document.documentElement.classList.toggle("dark", dark);
}

/** Keeps "system" true when the system changes in the evening. */
export function followSystemTheme() {
  applyTheme();
  systemDark.addEventListener("change", applyTheme);
}

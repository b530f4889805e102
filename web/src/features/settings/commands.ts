import { Languages, Monitor, Moon, Settings, Sun } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { show } from "@/lib/ui";
import { chooseLanguage, chooseTheme, currentLanguage, preferences } from "./preferences";

export const settingsCommands: Command[] = [
  {
    id: "settings.open",
    label: "commands.settings",
    group: "navigation",
    icon: Settings,
    keys: "mod+,",
    perform: (app) => {
      show({ drawer: false });
      app.go.settings();
    },
  },
  {
    id: "theme.light",
    label: "commands.themeLight",
    group: "view",
    icon: Sun,
    available: () => preferences.get().theme !== "light",
    perform: () => chooseTheme("light"),
  },
  {
    id: "theme.dark",
    label: "commands.themeDark",
    group: "view",
    icon: Moon,
    available: () => preferences.get().theme !== "dark",
    perform: () => chooseTheme("dark"),
  },
  {
    id: "theme.system",
    label: "commands.themeSystem",
    group: "view",
    icon: Monitor,
    available: () => preferences.get().theme !== "system",
    perform: () => chooseTheme("system"),
  },
  {
    id: "language.en",
    label: "commands.languageEnglish",
    group: "view",
    icon: Languages,
    available: () => currentLanguage() !== "en",
    perform: () => chooseLanguage("en"),
  },
  {
    id: "language.ko",
    label: "commands.languageKorean",
    group: "view",
    icon: Languages,
    available: () => currentLanguage() !== "ko",
    perform: () => chooseLanguage("ko"),
  },
];

import { Keyboard, PanelLeft, Search } from "lucide-react";
import { chooseSidebar, preferences } from "@/features/settings/preferences";
import { wide } from "@/lib/media";
import { show, ui } from "@/lib/ui";
import type { Command } from "./command";

export const viewCommands: Command[] = [
  {
    id: "view.palette",
    label: "commands.openPalette",
    group: "view",
    icon: Search,
    keys: "mod+k",
    perform: () => show({ palette: !ui.get().palette, drawer: false }),
  },
  {
    id: "view.sidebar",
    label: "commands.toggleSidebar",
    group: "view",
    icon: PanelLeft,
    keys: "mod+shift+s",
    perform: () => {
      if (window.matchMedia(wide).matches) chooseSidebar(!preferences.get().sidebar);
      else show({ drawer: !ui.get().drawer });
    },
  },
  {
    id: "view.shortcuts",
    label: "commands.openShortcuts",
    group: "view",
    icon: Keyboard,
    keys: "mod+/",
    perform: () => show({ shortcuts: true, drawer: false }),
  },
];

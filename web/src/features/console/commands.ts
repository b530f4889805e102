import { LayoutDashboard } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";
import { pages } from "./nav";

/** "Go to" for every page of the console; what can be done on them is in each area's own commands. */
export const consoleCommands: Command[] = [
  {
    id: "console.open",
    label: "console.open",
    group: "navigation",
    icon: LayoutDashboard,
    available: () => !window.location.pathname.startsWith("/console"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console");
    },
  },
  ...pages.map((page): Command => ({
    id: `console.${page.id}`,
    label: page.label,
    group: "console",
    icon: page.icon,
    available: (app) => page.needs === undefined || appMay(app, page.needs),
    perform: (app) => {
      show({ drawer: false });
      app.go.console(page.path);
    },
  })),
];

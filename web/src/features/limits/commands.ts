import { ArrowUpRight, Layers, SlidersHorizontal } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";

/** What can be done about limits. */
export const limitCommands: Command[] = [
  {
    id: "limits.ask",
    label: "limits.ask",
    group: "console",
    icon: ArrowUpRight,
    available: (app) => appMay(app, "limits.ask"),
    perform: (app) => app.go.console("/console/limits", { dialog: "ask" }),
  },
  {
    id: "limits.add",
    label: "limits.add",
    group: "console",
    icon: SlidersHorizontal,
    available: (app) => appMay(app, "limits.write"),
    perform: (app) => app.go.console("/console/limits", { dialog: "limit" }),
  },
  {
    id: "limits.tier",
    label: "limits.addTier",
    group: "console",
    icon: Layers,
    available: (app) => appMay(app, "operator"),
    perform: (app) => app.go.console("/console/all-limits", { dialog: "tier" }),
  },
];

import { Megaphone } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const statusCommands: Command[] = [
  {
    id: "status.open",
    label: "status.open",
    group: "console",
    icon: Megaphone,
    available: (app) => appMay(app, "operator"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/status", { dialog: "new" });
    },
  },
];

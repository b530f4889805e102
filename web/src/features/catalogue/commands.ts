import { Download } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const catalogueCommands: Command[] = [
  {
    id: "catalogue.pull",
    label: "catalogue.pull",
    group: "console",
    icon: Download,
    available: (app) => appMay(app, "operator"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/models", { dialog: "pull" });
    },
  },
];

import { Archive } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const retentionCommands: Command[] = [
  {
    id: "retention.change",
    label: "retention.change",
    group: "console",
    icon: Archive,
    available: (app) => appMay(app, "retention.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/data");
    },
  },
];

import { FolderPlus } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const projectCommands: Command[] = [
  {
    id: "projects.new",
    label: "projects.create",
    group: "console",
    icon: FolderPlus,
    available: (app) => appMay(app, "organization.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/projects", { dialog: "new" });
    },
  },
];

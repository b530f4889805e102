import { Upload } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const fileCommands: Command[] = [
  {
    id: "files.upload",
    label: "files.upload",
    group: "console",
    icon: Upload,
    available: (app) => appMay(app, "files.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/files", { dialog: "upload" });
    },
  },
];

import { KeyRound } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const keyCommands: Command[] = [
  {
    id: "keys.new",
    label: "keys.create",
    group: "console",
    icon: KeyRound,
    available: (app) => appMay(app, "keys.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/keys", { dialog: "new" });
    },
  },
];

import { Network } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const ssoCommands: Command[] = [
  {
    id: "sso.map",
    label: "sso.map",
    group: "console",
    icon: Network,
    available: (app) => appMay(app, "organization.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/sso", { dialog: "map-group" });
    },
  },
];

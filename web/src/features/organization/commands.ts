import { Building2, Trash2 } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const organizationCommands: Command[] = [
  {
    id: "organization.rename",
    label: "organization.rename",
    group: "console",
    icon: Building2,
    available: (app) => appMay(app, "organization.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/organization");
    },
  },
  {
    id: "organization.delete",
    label: "organization.delete",
    group: "console",
    icon: Trash2,
    danger: true,
    available: (app) => appMay(app, "organization.own"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/organization", { dialog: "delete-organization" });
    },
  },
  {
    id: "organization.deleteAccount",
    label: "organization.account.delete",
    group: "session",
    icon: Trash2,
    danger: true,
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/account", { dialog: "delete-account" });
    },
  },
];

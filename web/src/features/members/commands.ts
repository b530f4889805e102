import { DoorOpen, UserPlus } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const memberCommands: Command[] = [
  {
    id: "members.invite",
    label: "members.invite",
    group: "console",
    icon: UserPlus,
    available: (app) => appMay(app, "organization.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/members", { dialog: "invite" });
    },
  },
  {
    id: "members.leave",
    label: "members.leave",
    group: "session",
    icon: DoorOpen,
    danger: true,
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console", { dialog: "leave" });
    },
  },
];

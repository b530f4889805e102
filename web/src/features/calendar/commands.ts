import { CalendarPlus } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const calendarCommands: Command[] = [
  {
    id: "calendar.add",
    label: "calendar.add",
    group: "console",
    icon: CalendarPlus,
    available: (app) => appMay(app, "models.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/calendar", { dialog: "edit" });
    },
  },
];

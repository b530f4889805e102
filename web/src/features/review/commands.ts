import { Flag, ScanEye } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const reviewCommands: Command[] = [
  {
    id: "review.next",
    label: "review.next",
    group: "console",
    icon: ScanEye,
    available: (app) => appMay(app, "reviewer"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/review", { next: "1" });
    },
  },
  {
    id: "review.flag",
    label: "review.flag",
    group: "console",
    icon: Flag,
    available: (app) => appMay(app, "operator"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/data", { dialog: "flag" });
    },
  },
];

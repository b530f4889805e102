import { MailCheck } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const mailCommands: Command[] = [
  {
    id: "mail.test",
    label: "mail.test",
    group: "console",
    icon: MailCheck,
    available: (app) => appMay(app, "operator"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/mail", { dialog: "test-mail" });
    },
  },
];

import { KeyRound, LogOut, ShieldCheck } from "lucide-react";
import type { Command } from "@/features/commands/command";

/** What one can do with one's own account. */
export const accountCommands: Command[] = [
  {
    id: "account.password",
    label: "account.commands.password",
    group: "session",
    icon: KeyRound,
    perform: (app) => app.go.console("/account", { dialog: "password" }),
  },
  {
    id: "account.factor",
    label: "account.commands.factor",
    group: "session",
    icon: ShieldCheck,
    perform: (app) => app.go.console("/account", { dialog: "second-factor" }),
  },
  {
    id: "account.endOthers",
    label: "account.commands.endOthers",
    group: "session",
    icon: LogOut,
    perform: (app) => app.go.console("/account", { dialog: "end-others" }),
  },
];

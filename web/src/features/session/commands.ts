import { LogOut } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { signOut } from "./api";

export const sessionCommands: Command[] = [
  {
    id: "session.signOut",
    label: "commands.signOut",
    group: "session",
    icon: LogOut,
    perform: async (app) => {
      await signOut();
      app.queryClient.clear();
      app.go.signIn();
    },
  },
];

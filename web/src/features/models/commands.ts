import { Boxes } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { show } from "@/lib/ui";

export const modelCommands: Command[] = [
  {
    id: "models.choose",
    label: "commands.chooseModel",
    group: "chat",
    icon: Boxes,
    keys: "mod+.",
    available: () => document.querySelector("[data-model-picker]") !== null,
    perform: () => show({ models: true }),
  },
];

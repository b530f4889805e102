import { WholeWord } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { show } from "@/lib/ui";

export const tokenizerCommands: Command[] = [
  {
    id: "tokenizer.open",
    label: "commands.tokenizer",
    group: "navigation",
    icon: WholeWord,
    perform: (app) => {
      show({ drawer: false });
      app.go.tokenizer();
    },
  },
];

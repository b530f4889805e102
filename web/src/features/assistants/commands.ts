import { Code, MessageSquarePlus, Pencil, Plus, SquareStop } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import type { App } from "@/lib/app";
import { show } from "@/lib/ui";
import { bench, cancel, isBusy } from "./bench";

const path = "/console/assistants";
const here = () => window.location.pathname.startsWith(`${path}/`);
const page = () => `${path}/${bench.get().assistant}`;
const write = (app: App) => appMay(app, "assistants.write");
const thread = (): Record<string, string> => {
  const { thread } = bench.get();
  return thread === null ? {} : { thread };
};

/** The pages are in features/console/nav.ts; these are what can be done on them. */
export const assistantCommands: Command[] = [
  {
    id: "assistants.create",
    label: "assistants.create",
    group: "console",
    icon: Plus,
    available: write,
    perform: (app) => {
      show({ drawer: false });
      app.go.console(path, { dialog: "create" });
    },
  },
  {
    id: "assistants.newThread",
    label: "assistants.newThread",
    group: "console",
    icon: MessageSquarePlus,
    available: (app) => here() && write(app) && bench.get().thread !== null,
    perform: (app) => app.go.console(page()),
  },
  {
    id: "assistants.cancel",
    label: "assistants.cancelRun",
    group: "console",
    icon: SquareStop,
    available: (app) => here() && write(app) && isBusy(bench.get()),
    perform: cancel,
  },
  {
    id: "assistants.edit",
    label: "assistants.edit",
    group: "console",
    icon: Pencil,
    available: (app) => here() && write(app),
    perform: (app) => app.go.console(page(), { ...thread(), dialog: "edit" }),
  },
  {
    id: "assistants.code",
    label: "assistants.code",
    group: "console",
    icon: Code,
    available: here,
    perform: (app) => app.go.console(page(), { ...thread(), dialog: "code" }),
  },
];

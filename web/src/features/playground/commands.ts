import {
  Code,
  Eraser,
  MessagesSquare,
  PencilRuler,
  Play,
  RotateCcw,
  Save,
  SquareStop,
  TextCursor,
} from "lucide-react";
import type { Command } from "@/features/commands/command";
import type { App } from "@/lib/app";
import { canRegenerate, clear, isRunning, playground, regenerate, setMode, stop, submit } from "./playground";
import type { Mode } from "./setup";

const path = "/console/playground";
const here = () => window.location.pathname === path;

const toMode = (mode: Mode, icon: Command["icon"]): Command => ({
  id: `playground.mode.${mode}`,
  label: `playground.commands.${mode}`,
  group: "console",
  icon,
  available: () => here() && playground.get().setup.mode !== mode,
  perform: () => setMode(mode),
});

function dialog(app: App, name: string) {
  const { preset } = playground.get();
  app.go.console(path, { dialog: name, ...(preset && { preset: preset.id }) });
}

/** The page itself is in features/console/nav.ts; these are what can be done on it. */
export const playgroundCommands: Command[] = [
  {
    id: "playground.submit",
    label: "playground.commands.submit",
    group: "console",
    icon: Play,
    keys: "mod+enter",
    available: () => here() && !isRunning(),
    perform: () => void submit(),
  },
  {
    id: "playground.stop",
    label: "playground.commands.stop",
    group: "console",
    icon: SquareStop,
    keys: "alt+x",
    available: () => here() && isRunning(),
    perform: stop,
  },
  {
    id: "playground.regenerate",
    label: "playground.commands.regenerate",
    group: "console",
    icon: RotateCcw,
    keys: "alt+g",
    available: () => here() && canRegenerate(),
    perform: regenerate,
  },
  {
    id: "playground.code",
    label: "playground.commands.code",
    group: "console",
    icon: Code,
    keys: "alt+v",
    available: here,
    perform: (app) => dialog(app, "code"),
  },
  {
    id: "playground.save",
    label: "playground.commands.save",
    group: "console",
    icon: Save,
    available: here,
    perform: (app) => dialog(app, "save"),
  },
  {
    id: "playground.clear",
    label: "playground.commands.clear",
    group: "console",
    icon: Eraser,
    available: here,
    perform: clear,
  },
  toMode("chat", MessagesSquare),
  toMode("complete", TextCursor),
  toMode("edit", PencilRuler),
];

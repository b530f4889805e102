import { accountCommands } from "@/features/account/commands";
import { chatCommands } from "@/features/chats/commands";
import { consoleCommands } from "@/features/console/commands";
import { keyCommands } from "@/features/keys/commands";
import { limitCommands } from "@/features/limits/commands";
import { modelCommands } from "@/features/models/commands";
import { playgroundCommands } from "@/features/playground/commands";
import { sessionCommands } from "@/features/session/commands";
import { settingsCommands } from "@/features/settings/commands";
import { tokenizerCommands } from "@/features/tokenizer/commands";
import { usageCommands } from "@/features/usage/commands";
import type { Command } from "./command";
import { viewCommands } from "./view";

/** Every command of the app, in the order of menus. */
export const commands: readonly Command[] = [
  ...chatCommands,
  ...modelCommands,
  ...viewCommands,
  ...tokenizerCommands,
  ...settingsCommands,
  ...consoleCommands,
  ...playgroundCommands,
  ...keyCommands,
  ...accountCommands,
  ...usageCommands,
  ...limitCommands,
  ...sessionCommands,
];

export function command(id: string): Command {
  const found = commands.find((c) => c.id === id);
  if (!found) throw new Error(`no command ${id}`);
  return found;
}

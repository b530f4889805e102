import type { ParseKeys } from "i18next";
import type { LucideIcon } from "lucide-react";
import type { App } from "@/lib/app";
import type { Keys } from "@/lib/keys";

/** What a command works on: the chat whose menu was opened, or the one on show. */
export type Target = { chatId: string | null };

/**
 * One thing a user can do, as data. Menus, shortcuts, the palette and the list of shortcuts are made from it;
 * nothing else binds keys.
 */
export type Command = {
  id: string;
  label: ParseKeys;
  group: "chat" | "navigation" | "console" | "view" | "session";
  icon: LucideIcon;
  keys?: Keys;
  danger?: boolean;
  /** Left out: always. */
  available?: (app: App, target: Target) => boolean;
  perform: (app: App, target: Target) => void | Promise<void>;
};

export function isAvailable(command: Command, app: App, target: Target): boolean {
  return command.available?.(app, target) ?? true;
}

import { accountCommands } from "@/features/account/commands";
import { assistantCommands } from "@/features/assistants/commands";
import { calendarCommands } from "@/features/calendar/commands";
import { billingCommands } from "@/features/billing/commands";
import { catalogueCommands } from "@/features/catalogue/commands";
import { chatCommands } from "@/features/chats/commands";
import { consoleCommands } from "@/features/console/commands";
import { fileCommands } from "@/features/files/commands";
import { keyCommands } from "@/features/keys/commands";
import { mailCommands } from "@/features/mail/commands";
import { memberCommands } from "@/features/members/commands";
import { limitCommands } from "@/features/limits/commands";
import { modelCommands } from "@/features/models/commands";
import { organizationCommands } from "@/features/organization/commands";
import { playgroundCommands } from "@/features/playground/commands";
import { projectCommands } from "@/features/projects/commands";
import { retentionCommands } from "@/features/retention/commands";
import { reviewCommands } from "@/features/review/commands";
import { sessionCommands } from "@/features/session/commands";
import { settingsCommands } from "@/features/settings/commands";
import { statusCommands } from "@/features/status/commands";
import { ssoCommands } from "@/features/sso/commands";
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
  ...catalogueCommands,
  ...calendarCommands,
  ...statusCommands,
  ...playgroundCommands,
  ...assistantCommands,
  ...fileCommands,
  ...keyCommands,
  ...memberCommands,
  ...projectCommands,
  ...usageCommands,
  ...limitCommands,
  ...billingCommands,
  ...retentionCommands,
  ...reviewCommands,
  ...ssoCommands,
  ...organizationCommands,
  ...mailCommands,
  ...accountCommands,
  ...sessionCommands,
];

export function command(id: string): Command {
  const found = commands.find((c) => c.id === id);
  if (!found) throw new Error(`no command ${id}`);
  return found;
}

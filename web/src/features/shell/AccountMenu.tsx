import { useQuery } from "@tanstack/react-query";
import { ChevronsUpDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuLabel, MenuSeparator, MenuTrigger } from "@/components/ui/menu";
import { CommandMenuItems } from "@/features/commands/CommandMenuItems";
import { sessionQuery } from "@/features/session/api";

/** Who is signed in, and what belongs to them; at the foot of both sidebars. */
export function AccountMenu() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const name = session?.user.name ?? t("session.account");
  return (
    <div className="border-t p-2.5">
      <Menu>
        <MenuTrigger asChild>
          <Button variant="plain" className="h-11 w-full justify-start gap-2.5 px-2 text-left">
            <span
              aria-hidden
              className="flex size-7.5 items-center justify-center rounded-full bg-primary text-sm font-semibold text-primary-foreground"
            >
              {Array.from(name)[0]?.toUpperCase()}
            </span>
            <span className="min-w-0 grow">
              <span className="block truncate leading-tight">{name}</span>
              <span className="block truncate text-xs leading-tight font-normal text-muted-foreground">
                {session?.organization.name}
              </span>
            </span>
            <ChevronsUpDown className="text-muted-foreground" aria-hidden />
          </Button>
        </MenuTrigger>
        <MenuContent side="top" align="start" className="w-(--radix-dropdown-menu-trigger-width) min-w-60">
          <MenuLabel>{t("session.signedInAs", { name })}</MenuLabel>
          <CommandMenuItems
            ids={[
              "console.open",
              "tokenizer.open",
              "settings.open",
              "view.shortcuts",
              "language.ko",
              "language.en",
            ]}
            target={{ chatId: null }}
          />
          <MenuSeparator />
          <CommandMenuItems ids={["session.signOut"]} target={{ chatId: null }} />
        </MenuContent>
      </Menu>
    </div>
  );
}

import { useInfiniteQuery } from "@tanstack/react-query";
import { MessageSquare } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  Command,
  CommandEmpty,
  CommandGroup,
  CommandInput,
  CommandItem,
  CommandList,
} from "@/components/ui/command";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { KeyCaps } from "@/components/ui/key-caps";
import { chatListQuery } from "@/features/chats/api";
import { useApp } from "@/lib/app";
import { useStore } from "@/lib/store";
import { show, ui } from "@/lib/ui";
import { commands } from "./all";
import { isAvailable } from "./command";
import { useRowActions } from "./rows";

/** From so many letters on, what can be done to single rows of lists is searched, too: there may be hundreds. */
const searched = 2;

const groups = ["chat", "navigation", "console", "view", "session"] as const;

/** All commands and the newest chats behind one field. */
export function Palette({ chatId }: { chatId: string | null }) {
  const open = useStore(ui, (state) => state.palette);
  const { t } = useTranslation();
  return (
    <Dialog open={open} onOpenChange={(palette) => show({ palette })}>
      <DialogContent className="top-[12dvh] max-w-xl translate-y-0 gap-0 p-0 [&>button:last-child]:hidden">
        <DialogTitle className="sr-only">{t("commands.palette")}</DialogTitle>
        <PaletteBody chatId={chatId} />
      </DialogContent>
    </Dialog>
  );
}

function PaletteBody({ chatId }: { chatId: string | null }) {
  const app = useApp();
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const chats = useInfiniteQuery(chatListQuery(text.trim()));
  const target = { chatId };
  const rows = useRowActions(text.trim().length >= searched);

  function run(action: () => unknown) {
    show({ palette: false });
    // The dialog gives the focus back first; a command may then move it.
    setTimeout(() => void action(), 0);
  }

  const found = chats.data?.pages.flatMap((page) => page.data).slice(0, 8) ?? [];
  return (
    <Command label={t("commands.palette")} loop>
      <CommandInput value={text} onValueChange={setText} placeholder={t("commands.paletteHint")} />
      <CommandList className="max-h-[min(26rem,60dvh)]">
        <CommandEmpty>{t("commands.none")}</CommandEmpty>
        {groups.map((group) => {
          const available = commands.filter((c) => c.group === group && isAvailable(c, app, target));
          if (available.length === 0) return null;
          return (
            <CommandGroup key={group} heading={t(`commands.groups.${group}`)}>
              {available.map((c) => (
                <CommandItem
                  key={c.id}
                  value={`${t(c.label)} ${c.id}`}
                  onSelect={() => run(() => c.perform(app, target))}
                >
                  <c.icon aria-hidden />
                  {t(c.label)}
                  {c.keys !== undefined && <KeyCaps keys={c.keys} />}
                </CommandItem>
              ))}
            </CommandGroup>
          );
        })}
        {rows.length > 0 && (
          <CommandGroup heading={t("commands.rows.title")}>
            {rows.map((row) => (
              <CommandItem
                key={row.id}
                value={`${row.label} ${row.id}`}
                onSelect={() => run(() => row.perform(app))}
              >
                <row.icon aria-hidden />
                <span className="truncate">{row.label}</span>
              </CommandItem>
            ))}
          </CommandGroup>
        )}
        {found.length > 0 && (
          <CommandGroup heading={t("nav.chats")} forceMount={text !== ""}>
            {found.map((chat) => (
              // The server has searched already, also in messages: whatever it found stays.
              <CommandItem
                key={chat.id}
                value={`${chat.title} ${chat.id}`}
                forceMount={text !== ""}
                onSelect={() => run(() => app.go.chat(chat.id))}
              >
                <MessageSquare aria-hidden />
                <span className="truncate">{chat.title || t("nav.untitled")}</span>
              </CommandItem>
            ))}
          </CommandGroup>
        )}
      </CommandList>
    </Command>
  );
}

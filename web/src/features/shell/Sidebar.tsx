import { Search, X } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { Logo } from "@/components/logo";
import { Button } from "@/components/ui/button";
import { KeyCaps } from "@/components/ui/key-caps";
import { ChatList } from "@/features/chats/ChatList";
import { command } from "@/features/commands/all";
import { CommandButton } from "@/features/commands/CommandButton";
import { useApp } from "@/lib/app";
import { useSettled } from "@/lib/settled";
import { AccountMenu } from "./AccountMenu";

export function Sidebar({ chatId }: { chatId: string | null }) {
  const { t } = useTranslation();
  const app = useApp();
  const [search, setSearch] = useState("");
  const query = useDeferredValue(useSettled(search.trim()));
  const newChat = command("chats.new");
  return (
    <nav aria-label={t("nav.chats")} className="flex h-full flex-col bg-surface">
      <div className="flex h-14 shrink-0 items-center justify-between pr-2 pl-4">
        <span className="flex items-center gap-2.5 text-base font-semibold tracking-tight">
          <Logo className="size-6.5" />
          {t("app.name")}
        </span>
        <CommandButton id="view.sidebar" label={t("nav.closeSidebar")} />
      </div>
      <div className="flex flex-col gap-2 px-2.5 pb-2">
        <Button
          variant="outline"
          className="group w-full justify-start"
          onClick={() => void newChat.perform(app, { chatId })}
        >
          <newChat.icon aria-hidden />
          {t("nav.newChat")}
          <span className="ml-auto hidden md:inline-flex">
            <KeyCaps keys={newChat.keys ?? ""} />
          </span>
        </Button>
        <div className="relative">
          <Search
            className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-muted-foreground"
            aria-hidden
          />
          <input
            type="search"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            aria-label={t("nav.search")}
            placeholder={t("nav.search")}
            maxLength={200}
            className="h-9 w-full rounded-lg bg-transparent pr-9 pl-9 text-sm outline-none placeholder:text-muted-foreground hover:bg-surface-hover focus-visible:bg-background focus-visible:ring-2 focus-visible:ring-ring [&::-webkit-search-cancel-button]:hidden"
          />
          {search !== "" && (
            <Button
              variant="ghost"
              size="icon-sm"
              className="absolute top-0.5 right-0.5"
              aria-label={t("nav.clearSearch")}
              onClick={() => setSearch("")}
            >
              <X />
            </Button>
          )}
        </div>
      </div>
      <div className="min-h-0 grow overflow-y-auto px-2.5">
        <ChatList query={query} current={chatId} />
      </div>
      <AccountMenu />
    </nav>
  );
}

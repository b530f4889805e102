import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { memo, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuTrigger } from "@/components/ui/menu";
import { CommandMenuItems } from "@/features/commands/CommandMenuItems";
import { useApp } from "@/lib/app";
import { cn } from "@/lib/cn";
import { useStore } from "@/lib/store";
import { show } from "@/lib/ui";
import { chatListQuery } from "./api";
import { groupByDay, type GroupLabel } from "./groups";

/** The chats, newest first, page after page as the reader scrolls. */
export function ChatList({ query, current }: { query: string; current: string | null }) {
  const { t } = useTranslation();
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useInfiniteQuery(chatListQuery(query));
  const [end, setEnd] = useState<HTMLElement | null>(null);
  const chats = useMemo(() => data?.pages.flatMap((page) => page.data) ?? [], [data]);
  const groups = useMemo(() => groupByDay(chats, new Date()), [chats]);
  const label = useGroupLabel();

  useEffect(() => {
    if (!end || !hasNextPage || isFetchingNextPage) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void fetchNextPage();
    });
    observer.observe(end);
    return () => observer.disconnect();
  }, [end, hasNextPage, isFetchingNextPage, fetchNextPage]);

  if (error && chats.length === 0) {
    return (
      <div className="px-3 py-4 text-sm text-muted-foreground">
        <p>{t("nav.listFailed")}</p>
        <Button variant="outline" size="sm" className="mt-2" onClick={() => void refetch()}>
          {t("app.retry")}
        </Button>
      </div>
    );
  }
  if (!isPending && chats.length === 0) {
    return (
      <p className="px-3 py-4 text-sm text-muted-foreground">
        {query === "" ? t("nav.empty") : t("nav.noMatches", { query })}
      </p>
    );
  }
  return (
    <>
      {groups.map((group) => (
        <section key={group.key} aria-labelledby={`group-${group.key}`} className="mt-4 first:mt-1">
          <h2 id={`group-${group.key}`} className="px-3 pb-1 text-xs font-medium text-muted-foreground">
            {label(group.label)}
          </h2>
          <ul>
            {group.chats.map((chat) => (
              <ChatRow key={chat.id} chat={chat} active={chat.id === current} />
            ))}
          </ul>
        </section>
      ))}
      <div ref={setEnd} className="h-4" />
    </>
  );
}

const ChatRow = memo(function ChatRow({ chat, active }: { chat: Chat; active: boolean }) {
  const { t } = useTranslation();
  const app = useApp();
  const answering = useStore(app.runs.store, (state) => chat.id in state.active);
  const title = chat.title || t("nav.untitled");
  return (
    <li
      className={cn(
        "group relative flex items-center rounded-lg hover:bg-surface-hover has-data-[state=open]:bg-surface-hover",
        active && "bg-surface-hover",
      )}
    >
      <Link
        to="/c/$chatId"
        params={{ chatId: chat.id }}
        aria-current={active ? "page" : undefined}
        onClick={() => show({ drawer: false })}
        className="flex min-w-0 grow items-center gap-2 rounded-lg py-2 pr-1 pl-3 text-sm"
      >
        <span className={cn("truncate", active && "font-medium")}>{title}</span>
        {answering && (
          <span
            className="size-1.75 shrink-0 animate-pulse rounded-full bg-primary"
            role="img"
            aria-label={t("nav.answering")}
          />
        )}
      </Link>
      <Menu>
        <MenuTrigger asChild>
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={t("nav.more", { title })}
            className={cn(
              "mr-0.5 size-7.5 group-hover:opacity-100 focus-visible:opacity-100 data-[state=open]:opacity-100",
              !active && "pointer-fine:opacity-0",
            )}
          >
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuContent align="start">
          <CommandMenuItems ids={["chats.rename", "chats.delete"]} target={{ chatId: chat.id }} />
        </MenuContent>
      </Menu>
    </li>
  );
});

function useGroupLabel(): (label: GroupLabel) => string {
  const { t, i18n } = useTranslation();
  return (label) => {
    if (typeof label === "string") return t(`groups.${label}`);
    const format = new Intl.DateTimeFormat(i18n.language, { year: "numeric", month: "long" });
    return format.format(new Date(label.year, label.month, 1));
  };
}

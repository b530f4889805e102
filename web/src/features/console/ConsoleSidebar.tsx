import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Logo } from "@/components/logo";
import { CommandButton } from "@/features/commands/CommandButton";
import { sessionQuery } from "@/features/session/api";
import { may } from "@/features/session/may";
import { AccountMenu } from "@/features/shell/AccountMenu";
import { cn } from "@/lib/cn";
import { currentPage, pages, sections } from "./nav";
import { Switcher } from "./Switcher";

export function ConsoleSidebar() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const path = useLocation({ select: (location) => location.pathname });
  const seen = pages.filter((page) => page.needs === undefined || may(session, page.needs));
  const current = currentPage(seen, path);
  return (
    <nav aria-label={t("console.nav")} className="flex h-full flex-col bg-surface">
      <div className="flex h-14 shrink-0 items-center justify-between pr-2 pl-4">
        <Link
          to="/console"
          className="flex items-center gap-2.5 rounded text-base font-semibold tracking-tight"
        >
          <Logo className="size-6.5" />
          {t("app.name")}
        </Link>
        <CommandButton id="view.sidebar" label={t("nav.closeSidebar")} />
      </div>
      <div className="px-2.5 pb-2">
        <Switcher />
      </div>
      <div className="min-h-0 grow overflow-y-auto px-2.5 pb-3">
        {sections.map((section) => {
          const own = seen.filter((page) => page.section === section);
          if (own.length === 0) return null;
          return (
            <div key={section} className="mt-3 first:mt-1">
              {section !== "start" && (
                <h2 className="px-2.5 pb-1 text-xs font-medium text-muted-foreground">
                  {t(`console.sections.${section}`)}
                </h2>
              )}
              <ul>
                {own.map((page) => (
                  <li key={page.id}>
                    <Link
                      to={page.path}
                      aria-current={page === current ? "page" : undefined}
                      className={cn(
                        "flex h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm hover:bg-surface-hover [&_svg]:size-4 [&_svg]:shrink-0",
                        page === current
                          ? "bg-surface-hover font-medium"
                          : "text-muted-foreground hover:text-foreground",
                      )}
                    >
                      <page.icon aria-hidden />
                      <span className="truncate">{t(page.label)}</span>
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          );
        })}
      </div>
      <div className="px-2.5 pb-1">
        <Link
          to="/"
          className="flex h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm text-muted-foreground hover:bg-surface-hover hover:text-foreground"
        >
          <ArrowLeft className="size-4" aria-hidden />
          {t("console.toChats")}
        </Link>
      </div>
      <AccountMenu />
    </nav>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Page } from "@/components/console/Page";
import { Drawer } from "@/components/ui/dialog";
import { BillingBanner } from "@/features/billing/BillingBanner";
import { CommandButton } from "@/features/commands/CommandButton";
import { LeaveDialog } from "@/features/members/LeaveDialog";
import { sessionQuery } from "@/features/session/api";
import { may } from "@/features/session/may";
import { preferences } from "@/features/settings/preferences";
import { AwayLine, Overlays, SignedIn } from "@/features/shell/SignedIn";
import { SkipLink } from "@/features/shell/SkipLink";
import { useMedia, wide } from "@/lib/media";
import { useStore } from "@/lib/store";
import { show, ui } from "@/lib/ui";
import { ConsoleSidebar } from "./ConsoleSidebar";
import { currentPage, pages } from "./nav";

/** Every page of the console: its own sidebar, a drawer on narrow screens, and the page. */
export function ConsoleShell() {
  return <SignedIn>{(away) => <Frame away={away} />}</SignedIn>;
}

function Frame({ away }: { away: boolean }) {
  const { t } = useTranslation();
  const isWide = useMedia(wide);
  const sidebar = useStore(preferences, (p) => p.sidebar);
  const drawer = useStore(ui, (state) => state.drawer);
  const path = useLocation({ select: (location) => location.pathname });
  const { data: session } = useQuery(sessionQuery);
  const here = currentPage(pages, path);
  // A link that somebody sent: said once, instead of by each of the page's requests. What one may do in a project is
  // known for the one that is chosen only: the page of another asks the server.
  const unknown = here?.id === "projects" && path !== here.path;
  const allowed = here?.needs === undefined || unknown || may(session, here.needs);
  const scroller = useRef<HTMLElement>(null);

  // Another page begins at its top, without the drawer that led there.
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
    show({ drawer: false });
  }, [path]);

  const inSight = isWide && sidebar;
  return (
    <div className="flex h-dvh">
      <SkipLink to="main">{t("app.skipMain")}</SkipLink>
      {inSight && (
        <div className="w-64 shrink-0 border-r">
          <ConsoleSidebar />
        </div>
      )}
      {!isWide && (
        <Drawer open={drawer} onOpenChange={(open) => show({ drawer: open })} title={t("console.nav")}>
          <ConsoleSidebar />
        </Drawer>
      )}
      <div className="flex min-w-0 grow flex-col">
        {!inSight && (
          <header className="flex h-14 shrink-0 items-center gap-1 border-b px-2">
            <CommandButton id="view.sidebar" label={t("console.openNav")} />
            <span className="px-1 font-semibold">{t("console.name")}</span>
            <span className="grow" />
            <CommandButton id="view.palette" />
          </header>
        )}
        {/* Positioned, so that what only screen readers see scrolls with it and not the whole page. */}
        <main
          ref={scroller}
          id="main"
          tabIndex={-1}
          className="relative min-h-0 grow overflow-y-auto outline-none"
        >
          {away && <AwayLine />}
          {allowed ? (
            <Outlet />
          ) : (
            <Page
              title={t("console.notAllowed")}
              lead={
                here.needs === "operator" || here.needs === "reviewer"
                  ? t("console.notOperator")
                  : t("console.notAllowedHint")
              }
            >
              <Link to="/console" className="w-fit font-medium underline underline-offset-2">
                {t("overview.title")}
              </Link>
            </Page>
          )}
        </main>
        <BillingBanner />
      </div>
      <LeaveDialog />
      <Overlays chatId={null} />
    </div>
  );
}

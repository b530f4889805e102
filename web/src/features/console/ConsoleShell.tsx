import { Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Drawer } from "@/components/ui/dialog";
import { BillingBanner } from "@/features/billing/BillingBanner";
import { CommandButton } from "@/features/commands/CommandButton";
import { LeaveDialog } from "@/features/members/LeaveDialog";
import { preferences } from "@/features/settings/preferences";
import { AwayLine, Overlays, SignedIn } from "@/features/shell/SignedIn";
import { SkipLink } from "@/features/shell/SkipLink";
import { useMedia, wide } from "@/lib/media";
import { useStore } from "@/lib/store";
import { show, ui } from "@/lib/ui";
import { ConsoleSidebar } from "./ConsoleSidebar";

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
          <Outlet />
        </main>
        <BillingBanner />
      </div>
      <LeaveDialog />
      <Overlays chatId={null} />
    </div>
  );
}

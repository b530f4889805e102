import { Outlet, useLocation, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Drawer } from "@/components/ui/dialog";
import { ChatDialogs } from "@/features/chats/ChatDialogs";
import { preferences } from "@/features/settings/preferences";
import { useMedia, wide } from "@/lib/media";
import { useStore } from "@/lib/store";
import { composerId, show, ui } from "@/lib/ui";
import { Sidebar } from "./Sidebar";
import { AwayLine, Overlays, SignedIn } from "./SignedIn";
import { SkipLink } from "./SkipLink";

/** The chats and what goes with them: sidebar, page, and what can lie over both. */
export function Shell() {
  return <SignedIn>{(away) => <Frame away={away} />}</SignedIn>;
}

function Frame({ away }: { away: boolean }) {
  const { t } = useTranslation();
  const { chatId = null } = useParams({ strict: false });
  const isWide = useMedia(wide);
  const sidebar = useStore(preferences, (p) => p.sidebar);
  const drawer = useStore(ui, (state) => state.drawer);
  const path = useLocation({ select: (location) => location.pathname });

  return (
    <div className="flex h-dvh">
      <SkipLink to={composerId}>
        {chatId !== null || path === "/" ? t("app.skip") : t("app.skipMain")}
      </SkipLink>
      {isWide && sidebar && (
        <div className="w-68 shrink-0 border-r">
          <Sidebar chatId={chatId} />
        </div>
      )}
      {!isWide && (
        <Drawer open={drawer} onOpenChange={(open) => show({ drawer: open })} title={t("nav.chats")}>
          <Sidebar chatId={chatId} />
        </Drawer>
      )}
      <main id="main" tabIndex={-1} className="relative min-w-0 grow outline-none">
        {away && <AwayLine />}
        <Outlet />
      </main>
      <ChatDialogs current={chatId} />
      <Overlays chatId={chatId} />
    </div>
  );
}

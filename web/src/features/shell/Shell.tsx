import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { isSignedOut } from "@/api/errors";
import { Logo } from "@/components/logo";
import { Drawer } from "@/components/ui/dialog";
import { ChatDialogs } from "@/features/chats/ChatDialogs";
import { useShortcuts } from "@/features/commands/useShortcuts";
import { sessionKey, sessionQuery } from "@/features/session/api";
import { preferences } from "@/features/settings/preferences";
import { useMedia, wide } from "@/lib/media";
import { useStore } from "@/lib/store";
import { composerId, show, ui } from "@/lib/ui";
import { Sidebar } from "./Sidebar";

const Palette = lazy(() => import("@/features/commands/Palette").then((m) => ({ default: m.Palette })));
const ShortcutsDialog = lazy(() =>
  import("@/features/commands/ShortcutsDialog").then((m) => ({ default: m.ShortcutsDialog })),
);

/** Every page for people who are signed in: sidebar, page, and what can lie over both. */
export function Shell() {
  const { t } = useTranslation();
  const { data: session, error } = useQuery(sessionQuery);
  const navigate = useNavigate();
  const signedOut = isSignedOut(error);

  // Once for each time that the server says so: while the sign-in page loads, this one is still here.
  useEffect(() => {
    if (signedOut)
      void navigate({ to: "/signin", search: { next: window.location.pathname }, replace: true });
  }, [signedOut, navigate]);

  if (signedOut) return null;
  if (!session) {
    return error ? <Unreachable /> : <p className="sr-only">{t("app.loading")}</p>;
  }
  return <Frame away={error !== null} />;
}

function Frame({ away }: { away: boolean }) {
  const { t } = useTranslation();
  const { chatId = null } = useParams({ strict: false });
  const isWide = useMedia(wide);
  const sidebar = useStore(preferences, (p) => p.sidebar);
  const drawer = useStore(ui, (state) => state.drawer);
  const palette = useStore(ui, (state) => state.palette);
  const shortcuts = useStore(ui, (state) => state.shortcuts);
  const path = useLocation({ select: (location) => location.pathname });
  const client = useQueryClient();
  useShortcuts(chatId);

  // Back again: what failed or grew old in the meantime is asked for anew.
  useEffect(() => {
    if (away)
      return () =>
        void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
  }, [away, client]);

  return (
    <div className="flex h-dvh">
      <a
        href={`#${composerId}`}
        onClick={(event) => {
          event.preventDefault();
          (document.getElementById(composerId) ?? document.getElementById("main"))?.focus();
        }}
        className="sr-only rounded-lg bg-primary px-4 py-2 text-primary-foreground focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-60"
      >
        {chatId !== null || path === "/" ? t("app.skip") : t("app.skipMain")}
      </a>
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
        {away && (
          <p
            role="status"
            className="absolute inset-x-0 top-0 z-30 bg-warning-surface px-4 py-1.5 text-center text-sm text-warning"
          >
            {t("chat.offline")}
          </p>
        )}
        <Outlet />
      </main>
      <ChatDialogs current={chatId} />
      <Suspense>
        {palette && <Palette chatId={chatId} />}
        {shortcuts && <ShortcutsDialog />}
      </Suspense>
    </div>
  );
}

function Unreachable() {
  const { t } = useTranslation();
  return (
    <main className="flex h-dvh flex-col items-center justify-center gap-3 p-6 text-center">
      <Logo className="mb-2 size-11" />
      <h1 className="text-xl font-semibold">{t("session.unreachable")}</h1>
      <p className="max-w-md text-muted-foreground">{t("session.unreachableHint")}</p>
    </main>
  );
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { isSignedOut } from "@/api/errors";
import { Logo } from "@/components/logo";
import { useShortcuts } from "@/features/commands/useShortcuts";
import { sessionKey, sessionQuery } from "@/features/session/api";
import { chunk } from "@/lib/chunk";
import { useStore } from "@/lib/store";
import { ui } from "@/lib/ui";

const palette = () => import("@/features/commands/Palette");
const shortcuts = () => import("@/features/commands/ShortcutsDialog");
const Palette = lazy(() => chunk(palette).then((m) => ({ default: m.Palette })));
const ShortcutsDialog = lazy(() => chunk(shortcuts).then((m) => ({ default: m.ShortcutsDialog })));

/** After this long on a page, in milliseconds, what may be opened over it is fetched: it is there when the server is not. */
const settles = 3000;

/** What is there for people who are signed in only: the chats and the console. `away`: the server does not answer. */
export function SignedIn({ children }: { children: (away: boolean) => ReactNode }) {
  const { t } = useTranslation();
  const { data: session, error } = useQuery(sessionQuery);
  const navigate = useNavigate();
  const client = useQueryClient();
  const signedOut = isSignedOut(error);
  const away = error !== null;

  // Once for each time that the server says so: while the sign-in page loads, this one is still here.
  useEffect(() => {
    if (!signedOut) return;
    const { pathname, search } = window.location;
    void navigate({ to: "/signin", search: { next: pathname + search }, replace: true });
  }, [signedOut, navigate]);

  // The organization holds back what needs a second factor until one is there: it is set up on the account's page.
  const path = useLocation({ select: (location) => location.pathname });
  const held = session?.held !== undefined && path !== "/account";
  useEffect(() => {
    if (held) void navigate({ to: "/account", replace: true });
  }, [held, navigate]);

  // Back again: what failed or grew old in the meantime is asked for anew.
  useEffect(() => {
    if (away && session !== undefined)
      return () =>
        void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== sessionKey[0] });
  }, [away, session, client]);

  if (signedOut || held) return null;
  if (!session) {
    return error ? <Unreachable /> : <p className="sr-only">{t("app.loading")}</p>;
  }
  return children(away);
}

/** What lies over every page: the palette, the list of shortcuts, and the shortcuts themselves. */
export function Overlays({ chatId }: { chatId: string | null }) {
  const paletteOpen = useStore(ui, (state) => state.palette);
  const shortcutsOpen = useStore(ui, (state) => state.shortcuts);
  useShortcuts(chatId);
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const load of [palette, shortcuts]) load().catch(() => undefined); // asked for again when it is opened
    }, settles);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Suspense>
      {paletteOpen && <Palette chatId={chatId} />}
      {shortcutsOpen && <ShortcutsDialog />}
    </Suspense>
  );
}

/** A line over the page while the server does not answer. */
export function AwayLine() {
  const { t } = useTranslation();
  return (
    <p
      role="status"
      className="absolute inset-x-0 top-0 z-30 bg-warning-surface px-4 py-1.5 text-center text-sm text-warning"
    >
      {t("chat.offline")}
    </p>
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

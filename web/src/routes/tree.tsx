import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { Unreachable } from "@/api/errors";
import { sessionKey, signIn } from "@/features/session/api";
import { Shell } from "@/features/shell/Shell";
import { consolePages, consoleShell } from "./console";
import { root } from "./root";

/** Every page of the app. Pages are chunks of their own; the shell is in the first. The console's are in console.tsx. */

type SignInSearch = { token?: string; next?: string; failed?: "expired" | "unreachable" };

const signin = createRoute({
  getParentRoute: () => root,
  path: "/signin",
  validateSearch: (search: Record<string, unknown>): SignInSearch => ({
    // The router reads search values as JSON: a token of digits arrives as a number.
    ...(search.token !== undefined && { token: String(search.token as string | number) }),
    ...(typeof search.next === "string" && search.next.startsWith("/") && { next: search.next }),
    ...((search.failed === "expired" || search.failed === "unreachable") && { failed: search.failed }),
  }),
  // The token is spent before anything shows, and never stays in the address or the history.
  beforeLoad: async ({ search: { token, next }, context: { app } }) => {
    if (token === undefined) return;
    try {
      app.queryClient.setQueryData(sessionKey, await signIn(token));
    } catch (error) {
      const failed = error instanceof Unreachable ? "unreachable" : "expired";
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
      throw redirect({ to: "/signin", search: { failed }, replace: true });
    }
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    throw redirect({ to: next ?? "/", replace: true });
  },
  component: lazyRouteComponent(() => import("./SignIn"), "SignIn"),
});

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyRouteComponent(() => import("@/features/chats/ChatPage"), "NewChatPage"),
});

const chat = createRoute({
  getParentRoute: () => shell,
  path: "/c/$chatId",
  component: lazyRouteComponent(() => import("./Chat"), "Chat"),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/settings/SettingsPage"), "SettingsPage"),
});

const tokenizer = createRoute({
  getParentRoute: () => shell,
  path: "/tokenizer",
  component: lazyRouteComponent(() => import("@/features/tokenizer/TokenizerPage"), "TokenizerPage"),
});

export const routeTree = root.addChildren([
  signin,
  shell.addChildren([home, chat, tokenizer, settings]),
  consoleShell.addChildren(consolePages),
]);

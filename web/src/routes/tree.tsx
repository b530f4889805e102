import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { ApiError, Unreachable } from "@/api/errors";
import { isSomebodyIn, sessionKey, signIn } from "@/features/session/api";
import { safeNext } from "@/features/session/next";
import { keepWaiting } from "@/features/session/waiting";
import { type Failure, isFailure } from "@/features/sso/failures";
import { Shell } from "@/features/shell/Shell";
import { consolePages, consoleShell } from "./console";
import { root } from "./root";

/** Every page of the app. Pages are chunks of their own; the shell is in the first. The console's are in console.tsx. */

type SignInSearch = {
  token?: string | undefined;
  next?: string | undefined;
  failed?: (typeof failures)[number] | undefined;
  /** Why the provider of identities did not sign one in. */
  sso_error?: Failure | undefined;
  /** A link waits, and somebody is signed in already: the page asks first. */
  asks?: "yes" | undefined;
};

/** Why a link did not sign in: it is spent, or the server is away. */
const failures = ["expired", "unreachable"] as const;

const signin = createRoute({
  getParentRoute: () => root,
  path: "/signin",
  // What is not good has to be named, too: the router keeps what nobody speaks of.
  validateSearch: (search: Record<string, unknown>): SignInSearch => ({
    // The router reads search values as JSON: a token of digits arrives as a number.
    token: search.token === undefined ? undefined : String(search.token as string | number),
    next: safeNext(search.next),
    failed: failures.find((failed) => failed === search.failed),
    sso_error: isFailure(search.sso_error) ? search.sso_error : undefined,
    asks: search.asks === "yes" ? "yes" : undefined,
  }),
  // The token is spent before anything shows, and never stays in the address or the history. Where somebody is signed in, the page asks
  // first: or a link that others made would move them, unseen, into another account or organization.
  beforeLoad: async ({ search: { token, next }, context: { app } }) => {
    if (token === undefined) return;
    if (await isSomebodyIn(app.queryClient)) {
      keepWaiting(token);
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
      throw redirect({ to: "/signin", search: { next, asks: "yes" }, replace: true });
    }
    try {
      app.queryClient.setQueryData(sessionKey, await signIn({ token }));
    } catch (error) {
      if (error instanceof ApiError && error.code === "code_required") {
        keepWaiting(token);
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
        throw redirect({ to: "/signin", search: { next }, replace: true });
      }
      const failed = error instanceof Unreachable ? "unreachable" : "expired";
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
      throw redirect({ to: "/signin", search: { failed }, replace: true });
    }
    // Who has just joined has no password yet.
    const joined = next === undefined && token.startsWith("join-");
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    throw joined
      ? redirect({ to: "/account", search: { welcome: "yes" }, replace: true })
      : redirect({ to: next ?? "/", replace: true });
  },
  component: lazyRouteComponent(() => import("./SignIn"), "SignIn"),
});

const deleted = createRoute({
  getParentRoute: () => root,
  path: "/deleted/$deletionId",
  component: lazyRouteComponent(() => import("@/features/organization/DeletedPage"), "DeletedPage"),
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
  deleted,
  shell.addChildren([home, chat, tokenizer, settings]),
  consoleShell.addChildren(consolePages),
]);

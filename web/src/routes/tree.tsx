import { createRoute, redirect } from "@tanstack/react-router";
import { ApiError, Unreachable } from "@/api/errors";
import { isSomebodyIn, linkQuery, sessionKey, signIn } from "@/features/session/api";
import { safeNext } from "@/features/session/next";
import { keepWaiting } from "@/features/session/waiting";
import { type Failure, isFailure } from "@/features/sso/failures";
import { Shell } from "@/features/shell/Shell";
import { consolePages, consoleShell } from "./console";
import { lazyPage } from "./page";
import { root } from "./root";

/** Every page of the app. Pages are chunks of their own; the shell is in the first. The console's are in console.tsx. */

type SignInSearch = {
  token?: string | undefined;
  next?: string | undefined;
  failed?: (typeof failures)[number] | undefined;
  /** Why the provider of identities did not sign one in. */
  sso_error?: Failure | undefined;
  /** A link waits that somebody else may have made: the page asks first. */
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
  // The token never stays in the address or the history. The page asks before it uses it, or a link that others made would move somebody,
  // unseen, into another account or organization, which then has what they write. A link of the server's operators, whom nobody but
  // themselves can make one for, is used at once where nobody is signed in.
  beforeLoad: async ({ search: { token, next }, context: { app } }) => {
    if (token === undefined) return;
    const asking = () => {
      keepWaiting(token);
      return redirect({ to: "/signin", search: { next, asks: "yes" }, replace: true });
    };
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    if (await isSomebodyIn(app.queryClient)) throw asking();
    let operator = false;
    try {
      ({ operator } = await app.queryClient.query(linkQuery(token)));
      if (operator) app.queryClient.setQueryData(sessionKey, await signIn({ token }));
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
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told
    throw operator ? redirect({ to: next ?? "/", replace: true }) : asking();
  },
  component: lazyPage(() => import("./SignIn"), "SignIn"),
});

const deleted = createRoute({
  getParentRoute: () => root,
  path: "/deleted/$deletionId",
  component: lazyPage(() => import("@/features/organization/DeletedPage"), "DeletedPage"),
});

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyPage(() => import("@/features/chats/ChatPage"), "NewChatPage"),
});

const chat = createRoute({
  getParentRoute: () => shell,
  path: "/c/$chatId",
  component: lazyPage(() => import("./Chat"), "Chat"),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: "/settings",
  component: lazyPage(() => import("@/features/settings/SettingsPage"), "SettingsPage"),
});

const tokenizer = createRoute({
  getParentRoute: () => shell,
  path: "/tokenizer",
  component: lazyPage(() => import("@/features/tokenizer/TokenizerPage"), "TokenizerPage"),
});

export const routeTree = root.addChildren([
  signin,
  deleted,
  shell.addChildren([home, chat, tokenizer, settings]),
  consoleShell.addChildren(consolePages),
]);

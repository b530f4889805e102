import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { actAs } from "@/api/acting";
import { api, data } from "@/api/client";
import { isSignedOut } from "@/api/errors";
import type { components } from "@/api/schema";
import type { Session } from "@/api/types";
import { forgetDrafts, keepDraftsOf } from "@/lib/drafts";

export const sessionKey = ["session"] as const;

/** Who is signed in. Asks again and again while the server is away, never after it has said no. */
export const sessionQuery = queryOptions({
  queryKey: sessionKey,
  queryFn: () => known(data<Session>(api.GET("/api/session"))),
  staleTime: 5 * 60 * 1000,
  retry: false,
  refetchInterval: (query) => (query.state.error && !isSignedOut(query.state.error) ? 2000 : false),
});

/** Whether somebody is signed in, asked now. */
export async function isSomebodyIn(client: QueryClient): Promise<boolean> {
  try {
    await client.query({ ...sessionQuery, staleTime: 0 });
    return true;
  } catch {
    return false;
  }
}

/** What one signs in with: a link's token, or address and password. */
export type Credentials = { token: string } | { email: string; password: string };

/** Begins a session. An account with a second factor is refused with `code_required` until a code comes along. */
export function signIn(credentials: Credentials, code = ""): Promise<Session> {
  actAs(null); // an invitation's link leads to its own organization
  return known(data<Session>(api.POST("/api/session", { body: { ...credentials, ...(code && { code }) } })));
}

/** Where a link leads: asked before it is used. */
export type LinkInfo = components["schemas"]["SignInLinkInfo"];

export function linkQuery(token: string) {
  return queryOptions({
    queryKey: ["link", token],
    queryFn: () => data<LinkInfo>(api.POST("/api/session/link", { body: { token } })),
    staleTime: Infinity,
    gcTime: 0, // nothing of it stays
  });
}

export const methodsQuery = queryOptions({
  queryKey: ["signin"],
  queryFn: () => data(api.GET("/api/signin")),
  staleTime: Infinity,
});

export async function resetPassword(email: string): Promise<void> {
  await api.POST("/api/session/reset", { body: { email } });
}

/** Whoever it is, their own words come back. */
async function known(answer: Promise<Session>): Promise<Session> {
  const session = await answer;
  keepDraftsOf(session.user.id);
  return session;
}

export async function signOut(): Promise<void> {
  await api.DELETE("/api/session");
  forgetDrafts();
  actAs(null);
}

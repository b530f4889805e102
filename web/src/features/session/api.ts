import { queryOptions } from "@tanstack/react-query";
import { actAs } from "@/api/acting";
import { api, data } from "@/api/client";
import { isSignedOut } from "@/api/errors";
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

/** Exchanges the one-time token of a sign-in link for the session cookie. */
export function signIn(token: string): Promise<Session> {
  actAs(null); // an invitation's link leads to its own organization
  return known(data<Session>(api.POST("/api/session", { body: { token } })));
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

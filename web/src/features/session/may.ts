import { useQuery } from "@tanstack/react-query";
import type { Session } from "@/api/types";
import type { App } from "@/lib/app";
import { sessionKey, sessionQuery } from "./api";

/** What a page or an action asks for: a scope of the API, or to be the installation's operator or one of its reviewers. */
export type Need = "operator" | "reviewer" | (string & {});

/**
 * The server's rule (internal/actor): a scope is held by its name or by a pattern, "*", "chat.*", "*.read"; what is of a
 * project, by those too who may do it in the whole organization.
 */
export function may(session: Session | undefined, need: Need): boolean {
  if (!session) return false;
  if (need === "operator") return session.operator;
  if (need === "reviewer") return session.reviewer;
  const [group, verb] = need.split(".");
  if (group === "project" && may(session, `organization.${verb ?? ""}`)) return true;
  return session.scopes.some((held) => {
    if (held === "*") return true;
    const [heldGroup, heldVerb] = held.split(".");
    return (heldGroup === "*" || heldGroup === group) && (heldVerb === "*" || heldVerb === verb);
  });
}

/** Hides what the server would refuse; it is the server that refuses. */
export function useMay(need: Need): boolean {
  const { data } = useQuery(sessionQuery);
  return may(data, need);
}

/** The same, for commands. */
export function appMay(app: App, need: Need): boolean {
  return may(app.queryClient.getQueryData<Session>(sessionKey), need);
}

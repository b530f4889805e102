import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import { allPages } from "@/api/pages";
import type { components } from "@/api/schema";
import type { Invite, User } from "@/api/types";

export type Role = User["role"];

/** In the order of what they may do. */
export const roles: readonly Role[] = ["owner", "admin", "member", "reader"];

export const usersQuery = queryOptions({
  queryKey: ["members", "users"],
  queryFn: () => allPages<User>((query) => data(api.GET("/v1/organization/users", { params: { query } }))),
});

export const invitesQuery = queryOptions({
  queryKey: ["members", "invites"],
  queryFn: () =>
    allPages<Invite>((query) => data(api.GET("/v1/organization/invites", { params: { query } }))),
});

/** The answer alone has the link. */
export function invite(body: components["schemas"]["InviteRequest"]): Promise<Invite> {
  return data(api.POST("/v1/organization/invites", { body }));
}

/** Another link for an invitation; the one before no longer works. The answer alone has it. */
export function resend(invite_id: string): Promise<Invite> {
  return data(api.POST("/api/organization/invites/{invite_id}/resend", { params: { path: { invite_id } } }));
}

export async function takeBack(invite_id: string): Promise<void> {
  await api.DELETE("/v1/organization/invites/{invite_id}", { params: { path: { invite_id } } });
}

export function setRole(user_id: string, role: Role): Promise<User> {
  return data(
    api.POST("/v1/organization/users/{user_id}", { params: { path: { user_id } }, body: { role } }),
  );
}

export async function removeUser(user_id: string): Promise<void> {
  await api.DELETE("/v1/organization/users/{user_id}", { params: { path: { user_id } } });
}

export async function leave(): Promise<void> {
  await api.DELETE("/api/membership");
}

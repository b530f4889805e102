import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

export type Organization = components["schemas"]["Organization"];
export type Deletion = components["schemas"]["Deletion"];

export const organizationKey = ["organization", "itself"] as const;

export const organizationQuery = queryOptions({
  queryKey: organizationKey,
  queryFn: () => data<Organization>(api.GET("/api/organization")),
});

export function renameOrganization(name: string): Promise<Organization> {
  return data(api.POST("/api/organization", { body: { name } }));
}

export function deleteOrganization(name: string, current_password: string): Promise<Deletion> {
  return data(api.POST("/api/organization/delete", { body: { name, current_password } }));
}

export function deleteAccount(confirm: string, current_password: string): Promise<Deletion> {
  return data(api.POST("/api/account/delete", { body: { confirm, current_password } }));
}

/** How far a deletion is; whoever has its id may ask, signed in or not. */
export function deletionQuery(deletion_id: string) {
  return queryOptions({
    queryKey: ["deletion", deletion_id],
    queryFn: () =>
      data<Deletion>(api.GET("/api/deletions/{deletion_id}", { params: { path: { deletion_id } } })),
    refetchInterval: (query) => (query.state.data?.state === "running" ? 1000 : false),
  });
}

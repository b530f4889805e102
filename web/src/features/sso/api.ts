import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

export type OrganizationSSO = components["schemas"]["OrganizationSSO"];
export type Mapping = components["schemas"]["SSOMapping"];
export type MappingRequest = components["schemas"]["SSOMappingRequest"];
export type Identity = components["schemas"]["SSOIdentity"];

/** Whether one can sign in through a provider: everybody may ask. */
export const providerQuery = queryOptions({
  queryKey: ["sso", "provider"],
  queryFn: () => data(api.GET("/api/sso")),
  staleTime: Infinity,
});

export const ssoKey = ["sso", "organization"] as const;

export const ssoQuery = queryOptions({
  queryKey: ssoKey,
  queryFn: () => data<OrganizationSSO>(api.GET("/api/organization/sso")),
});

export function requireSSO(required: boolean) {
  return data<OrganizationSSO>(api.POST("/api/organization/sso", { body: { required } }));
}

/** Makes a mapping, or changes the one with the id. */
export function saveMapping(body: MappingRequest, mapping_id?: string): Promise<Mapping> {
  if (mapping_id === undefined) return data(api.POST("/api/organization/sso/mappings", { body }));
  return data(
    api.POST("/api/organization/sso/mappings/{mapping_id}", { params: { path: { mapping_id } }, body }),
  );
}

export async function deleteMapping(mapping_id: string): Promise<void> {
  await api.DELETE("/api/organization/sso/mappings/{mapping_id}", { params: { path: { mapping_id } } });
}

export const identitiesQuery = queryOptions({
  queryKey: ["account", "identities"],
  queryFn: async () => (await data(api.GET("/api/account/sso"))).data,
});

/** Where the browser goes to link an identity to the account. */
export async function startLink(current_password: string): Promise<string> {
  return (await data(api.POST("/api/account/sso", { body: { current_password, next: "/account" } }))).url;
}

export async function unlink(identity_id: string, current_password: string): Promise<void> {
  await api.POST("/api/account/sso/{identity_id}/delete", {
    params: { path: { identity_id } },
    body: { current_password },
  });
}

import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import { allPages } from "@/api/pages";
import type { components } from "@/api/schema";
import type { Project, ProjectKey, ProjectUser, ServiceAccount } from "@/api/types";

/** All of the organization's projects, archived ones too; for those who look after the organization. */
export const projectsQuery = queryOptions({
  queryKey: ["projects", "list"],
  queryFn: () =>
    allPages<Project>((query) =>
      data(api.GET("/v1/organization/projects", { params: { query: { ...query, include_archived: true } } })),
    ),
});

/**
 * Where a project's operations are asked. Who looks after that one project alone acts in it; who looks after all need not,
 * and could not in one that is archived.
 */
export type Place = { project: string; inside: boolean };

const path = (place: Place) => ({ project_id: place.project });
const headers = (place: Place): Record<string, string> =>
  place.inside ? { "OpenAI-Project": place.project } : {};

const base = "/v1/organization/projects/{project_id}" as const;

export const projectQuery = (place: Place) =>
  queryOptions({
    queryKey: ["projects", place.project, "itself"],
    queryFn: () => data<Project>(api.GET(base, { params: { path: path(place) }, headers: headers(place) })),
  });

export const projectUsersQuery = (place: Place) =>
  queryOptions({
    queryKey: ["projects", place.project, "users"],
    queryFn: () =>
      allPages<ProjectUser>((query) =>
        data(api.GET(`${base}/users`, { params: { path: path(place), query }, headers: headers(place) })),
      ),
  });

export const accountsQuery = (place: Place) =>
  queryOptions({
    queryKey: ["projects", place.project, "accounts"],
    queryFn: () =>
      allPages<ServiceAccount>((query) =>
        data(
          api.GET(`${base}/service_accounts`, {
            params: { path: path(place), query },
            headers: headers(place),
          }),
        ),
      ),
  });

export const projectKeysQuery = (place: Place) =>
  queryOptions({
    queryKey: ["projects", place.project, "keys"],
    queryFn: () =>
      allPages<ProjectKey>((query) =>
        data(api.GET(`${base}/api_keys`, { params: { path: path(place), query }, headers: headers(place) })),
      ),
  });

export function createProject(name: string): Promise<Project> {
  return data(api.POST("/v1/organization/projects", { body: { name } }));
}

export function renameProject(place: Place, name: string): Promise<Project> {
  return data(api.POST(base, { params: { path: path(place) }, headers: headers(place), body: { name } }));
}

export function archiveProject(project_id: string): Promise<Project> {
  return data(api.POST(`${base}/archive`, { params: { path: { project_id } } }));
}

export type ProjectRole = ProjectUser["role"];

export function addUser(place: Place, email: string, role: ProjectRole): Promise<ProjectUser> {
  return data(
    api.POST(`${base}/users`, {
      params: { path: path(place) },
      headers: headers(place),
      body: { email, role },
    }),
  );
}

export function setProjectRole(place: Place, user_id: string, role: ProjectRole): Promise<ProjectUser> {
  return data(
    api.POST(`${base}/users/{user_id}`, {
      params: { path: { ...path(place), user_id } },
      headers: headers(place),
      body: { role },
    }),
  );
}

export async function removeProjectUser(place: Place, user_id: string): Promise<void> {
  await api.DELETE(`${base}/users/{user_id}`, {
    params: { path: { ...path(place), user_id } },
    headers: headers(place),
  });
}

/** The answer alone has the account's key. */
export function createAccount(
  place: Place,
  name: string,
): Promise<components["schemas"]["NewServiceAccount"]> {
  return data(
    api.POST(`${base}/service_accounts`, {
      params: { path: path(place) },
      headers: headers(place),
      body: { name },
    }),
  );
}

export function setAccountRole(place: Place, id: string, role: ProjectRole): Promise<ServiceAccount> {
  return data(
    api.POST(`${base}/service_accounts/{service_account_id}`, {
      params: { path: { ...path(place), service_account_id: id } },
      headers: headers(place),
      body: { role },
    }),
  );
}

export function createAccountKey(
  place: Place,
  id: string,
  name: string,
): Promise<components["schemas"]["ServiceAccountKey"]> {
  return data(
    api.POST(`${base}/service_accounts/{service_account_id}/api_keys`, {
      params: { path: { ...path(place), service_account_id: id } },
      headers: headers(place),
      body: { ...(name !== "" && { name }) },
    }),
  );
}

export async function deleteAccount(place: Place, id: string): Promise<void> {
  await api.DELETE(`${base}/service_accounts/{service_account_id}`, {
    params: { path: { ...path(place), service_account_id: id } },
    headers: headers(place),
  });
}

export async function deleteProjectKey(place: Place, api_key_id: string): Promise<void> {
  await api.DELETE(`${base}/api_keys/{api_key_id}`, {
    params: { path: { ...path(place), api_key_id } },
    headers: headers(place),
  });
}

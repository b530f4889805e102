import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import { allPages } from "@/api/pages";
import type { Key } from "@/api/types";
import type { components } from "@/api/schema";

export const keysKey = ["keys"] as const;

/** The project's keys: one's own, or everybody's for those who look after the project. */
export const keysQuery = queryOptions({
  queryKey: keysKey,
  queryFn: () => allPages<Key>((query) => data(api.GET("/api/keys", { params: { query } }))),
});

/** What the form says about a key. */
export type KeyForm = components["schemas"]["UpdateKey"];

/** Makes a key in a project of the organization. The answer alone has the secret. */
export function createKey(form: KeyForm, project: string, organization: string): Promise<Key> {
  const { models, expires_at, ...rest } = form;
  return data(
    api.POST("/api/keys", {
      headers: { "OpenAI-Organization": organization, "OpenAI-Project": project },
      body: { ...rest, ...(models != null && { models }), ...(expires_at != null && { expires_at }) },
    }),
  );
}

export function updateKey(key: string, form: KeyForm): Promise<Key> {
  return data(api.POST("/api/keys/{key}", { params: { path: { key } }, body: form }));
}

export async function revokeKey(key: string): Promise<void> {
  await api.DELETE("/api/keys/{key}", { params: { path: { key } } });
}

/** What people know the key by. */
export function nameOf(key: Key): string {
  return key.name === "" ? key.redacted : key.name;
}

import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

export type Entry = components["schemas"]["CalendarEntry"];
export type Changes = components["schemas"]["ModelsAlias"];

/** Whose view: one's organization's, or, for the operator, everybody's. */
export type Scope = "organization" | "installation";

export const calendarKey = ["calendar"] as const;

export const calendarQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...calendarKey, scope],
    queryFn: async () =>
      (await data(scope === "installation" ? api.GET("/api/operator/calendar") : api.GET("/api/calendar")))
        .data,
    staleTime: 10_000,
  });

export const setEntry = (scope: Scope, model: string, body: Changes) =>
  data(
    scope === "installation"
      ? api.PUT("/api/operator/calendar/{model}", { params: { path: { model } }, body })
      : api.PUT("/api/calendar/{model}", { params: { path: { model } }, body }),
  );

export const resetEntry = async (scope: Scope, model: string) => {
  await (scope === "installation"
    ? api.DELETE("/api/operator/calendar/{model}", { params: { path: { model } } })
    : api.DELETE("/api/calendar/{model}", { params: { path: { model } } }));
};

import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import { allPages } from "@/api/pages";
import type { components } from "@/api/schema";

export type Component = components["schemas"]["StatusComponent"];
export type Incident = components["schemas"]["Incident"];
export type NewIncident = components["schemas"]["NewIncident"];
export type NewUpdate = components["schemas"]["NewIncidentUpdate"];

export const allComponents = ["api", "chat", "models", "database", "jobs"] as const;
export const statuses = ["investigating", "identified", "monitoring", "resolved"] as const;
export const impacts = ["none", "minor", "major", "critical"] as const;

export const statusKey = ["status"] as const;

export const componentsQuery = queryOptions({
  queryKey: [...statusKey, "components"],
  queryFn: async () => (await data(api.GET("/api/operator/components"))).data,
  refetchInterval: 15_000,
});

export const incidentsQuery = queryOptions({
  queryKey: [...statusKey, "incidents"],
  queryFn: () =>
    allPages<Incident>((query) => data(api.GET("/api/operator/incidents", { params: { query } }))),
  refetchInterval: 30_000,
});

export const createIncident = (body: NewIncident) => data(api.POST("/api/operator/incidents", { body }));

const path = (incident: string) => ({ params: { path: { incident } } });

export const editIncident = (incident: string, body: components["schemas"]["IncidentEdit"]) =>
  data(api.POST("/api/operator/incidents/{incident}", { ...path(incident), body }));

export const writeUpdate = (incident: string, body: NewUpdate) =>
  data(api.POST("/api/operator/incidents/{incident}/updates", { ...path(incident), body }));

export const rewriteUpdate = (incident: string, update: string, body: string) =>
  data(
    api.POST("/api/operator/incidents/{incident}/updates/{update}", {
      params: { path: { incident, update } },
      body: { body },
    }),
  );

export const deleteIncident = (incident: string) =>
  data(api.DELETE("/api/operator/incidents/{incident}", path(incident)));

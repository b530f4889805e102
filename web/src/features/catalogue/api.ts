import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

type Schemas = components["schemas"];
export type ManagedModel = Schemas["ManagedModel"];
export type Offer = Schemas["CatalogEntry"];
export type Pull = Schemas["ManagePull"];
export type NewPull = Schemas["ManageNewPull"];
export type RemoteEngine = Schemas["RemoteEngine"];

export const catalogueKey = ["catalogue"] as const;

/** What something is doing that ends soon. */
const soon = new Set(["loading", "unloading"]);

/** The models of this server with what they are doing; followed closely while one changes. */
export const managedQuery = queryOptions({
  queryKey: [...catalogueKey, "models"],
  queryFn: () => data(api.GET("/api/operator/models")),
  refetchInterval: (query) => (query.state.data?.data.some((m) => soon.has(m.state)) ? 700 : 4000),
});

export const offersQuery = queryOptions({
  queryKey: [...catalogueKey, "offers"],
  queryFn: async () => (await data(api.GET("/api/operator/catalog"))).data,
  staleTime: 30_000,
});

export const serverPullsQuery = queryOptions({
  queryKey: [...catalogueKey, "pulls"],
  queryFn: async () => (await data(api.GET("/api/operator/pulls"))).data,
  refetchInterval: (query) => (query.state.data?.some((p) => p.state === "running") ? 700 : 10_000),
});

/** Asks each remote server, which takes up to five seconds when one is away. */
export const remotesQuery = queryOptions({
  queryKey: [...catalogueKey, "remotes"],
  queryFn: async () =>
    (await data(api.GET("/api/operator/remotes", { params: { query: { probe: true } } }))).data,
  staleTime: 10_000,
});

export const load = (model: string) =>
  data(api.PUT("/api/operator/loaded/{model}", { params: { path: { model } } }));

export const unload = (model: string) =>
  data(api.DELETE("/api/operator/loaded/{model}", { params: { path: { model } } }));

export const setDefault = (kind: string, model: string) =>
  data(api.PUT("/api/operator/defaults/{kind}", { params: { path: { kind } }, body: { model } }));

export const remove = (model: string, files: boolean) =>
  data(api.DELETE("/api/operator/models/{model}", { params: { path: { model }, query: { files } } }));

export const startPull = (body: NewPull) => data(api.POST("/api/operator/pulls", { body }));

export const endPull = (pull: string) =>
  data(api.DELETE("/api/operator/pulls/{pull}", { params: { path: { pull } } }));

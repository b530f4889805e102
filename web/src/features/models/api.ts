import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { Model, Pull } from "@/api/types";

/** The names that answer, each with the model that serves it. Followed closely while one is loading. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async () => (await data(api.GET("/api/models"))).data,
  staleTime: 10_000,
  refetchInterval: (query) => (query.state.data?.some((m) => m.state === "loading") ? 1000 : 30_000),
});

/** Models that the server fetches in the background; the better one takes over when it is here. */
export const pullsQuery = queryOptions({
  queryKey: ["pulls"],
  queryFn: async () => (await data(api.GET("/api/pulls"))).data,
  staleTime: 1000,
  refetchInterval: (query) => (query.state.data?.some(isRunning) ? 1500 : 30_000),
});

export function isRunning(pull: Pull): boolean {
  return pull.state === "running";
}

export function chatModels(models: readonly Model[] | undefined): Model[] {
  return (models ?? []).filter((m) => m.kind === "chat");
}

/** The first wish that exists, else the default, else any. */
export function pickModel(
  models: readonly Model[],
  ...wishes: (string | null | undefined)[]
): Model | undefined {
  for (const wish of wishes) {
    const model = models.find((m) => m.id === wish);
    if (model) return model;
  }
  return models.find((m) => m.default) ?? models[0];
}

import { queryOptions } from "@tanstack/react-query";
import { allPages } from "@/api/pages";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

type Schemas = components["schemas"];
export type ModelLimit = Schemas["ModelLimit"];
export type Limit = Schemas["Limit"];
export type LimitForm = Schemas["LimitRequest"];
export type Raise = Schemas["LimitRequestForIncrease"];
export type RaiseForm = Schemas["CreateLimitRequest"];
export type RaiseDay = Schemas["LimitRequestDay"];
export type Tier = Schemas["UsageTier"];
export type Standing = Schemas["UsageStanding"];
export type Subject = Limit["subject"];

/** The four figures of a limit, by their names in the API. */
export const figures = [
  "max_requests_per_1_minute",
  "max_tokens_per_1_minute",
  "max_requests_per_1_day",
  "max_tokens_per_1_day",
] as const;
export type Figure = (typeof figures)[number];
export type Figures = Partial<Record<Figure, number>>;

/** What of a model's use belongs to a figure. */
export const usedOf = {
  max_requests_per_1_minute: "requests_1_minute",
  max_tokens_per_1_minute: "tokens_1_minute",
  max_requests_per_1_day: "requests_1_day",
  max_tokens_per_1_day: "tokens_1_day",
} as const satisfies Record<Figure, string>;

export const limitsKey = ["limits"] as const;

export const modelsQuery = (subject: "organization" | "project" | "user", id: string) =>
  queryOptions({
    queryKey: [...limitsKey, "models", subject, id],
    queryFn: async () =>
      (
        await data(
          api.GET("/api/limits/models", {
            params: { query: { subject, ...(subject !== "organization" && { subject_id: id }) } },
          }),
        )
      ).data,
    refetchInterval: 2000,
  });

export const standingQuery = queryOptions({
  queryKey: [...limitsKey, "tier"],
  queryFn: () => data(api.GET("/api/limits/tier")),
});

/** Whose limits: the organization's own, or as the operator those of everybody. */
export type Side = "own" | "operator";

export const rulesQuery = (side: Side) =>
  queryOptions({
    queryKey: [...limitsKey, "rules", side],
    queryFn: async () =>
      (await data(side === "own" ? api.GET("/api/limits") : api.GET("/api/operator/limits"))).data,
  });

export function setRule(side: Side, body: LimitForm): Promise<Limit> {
  return data(side === "own" ? api.PUT("/api/limits", { body }) : api.PUT("/api/operator/limits", { body }));
}

export async function deleteRule(side: Side, limit: string): Promise<void> {
  const params = { path: { limit } };
  await (side === "own"
    ? api.DELETE("/api/limits/{limit}", { params })
    : api.DELETE("/api/operator/limits/{limit}", { params }));
}

export const raisesQuery = (side: Side) =>
  queryOptions({
    queryKey: [...limitsKey, "requests", side],
    queryFn: () =>
      allPages<Raise>((query) =>
        data(
          side === "own"
            ? api.GET("/api/limits/requests", { params: { query } })
            : api.GET("/api/operator/limits/requests", { params: { query } }),
        ),
      ),
  });

export function ask(body: RaiseForm): Promise<Raise> {
  return data(api.POST("/api/limits/requests", { body }));
}

export async function withdraw(request: string): Promise<void> {
  await api.DELETE("/api/limits/requests/{request}", { params: { path: { request } } });
}

export function approve(request: string, granted: Figures, note: string): Promise<Raise> {
  return data(
    api.POST("/api/operator/limits/requests/{request}/approve", {
      params: { path: { request } },
      body: { granted, ...(note !== "" && { note }) },
    }),
  );
}

export function deny(request: string, note: string): Promise<Raise> {
  return data(
    api.POST("/api/operator/limits/requests/{request}/deny", {
      params: { path: { request } },
      body: { note },
    }),
  );
}

export const tiersQuery = queryOptions({
  queryKey: [...limitsKey, "tiers"],
  queryFn: async () => (await data(api.GET("/api/operator/tiers"))).data,
});

export function setTier(tier: string, min_spend: number, min_age_days: number): Promise<Tier> {
  return data(
    api.PUT("/api/operator/tiers/{tier}", { params: { path: { tier } }, body: { min_spend, min_age_days } }),
  );
}

export async function deleteTier(tier: string): Promise<void> {
  await api.DELETE("/api/operator/tiers/{tier}", { params: { path: { tier } } });
}

/** Reads the number fields of a form: empty is left out, what is none is null. */
export function readFigures(texts: Partial<Record<Figure, string>>): Figures | null {
  const out: Figures = {};
  for (const figure of figures) {
    const text = texts[figure]?.trim() ?? "";
    if (text === "") continue;
    if (!/^\d{1,15}$/.test(text)) return null;
    out[figure] = Number(text);
  }
  return out;
}

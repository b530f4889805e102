import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components, paths } from "@/api/schema";
import type { Period } from "./period";

export type UsageSum = components["schemas"]["UsageSum"];
export type UsageRequest = components["schemas"]["UsageRequest"];

/** What sums can be told apart by, by their names in the API. */
export const dimensions = [
  "model",
  "api_key_id",
  "project_id",
  "user_id",
  "endpoint",
  "end_user",
  "served_model",
  "outcome",
] as const;
export type Dimension = (typeof dimensions)[number];

/** The parameter that filters by a dimension. Sums by served model have none. */
export const filterParams = {
  model: "models",
  api_key_id: "api_key_ids",
  project_id: "project_ids",
  user_id: "user_ids",
  endpoint: "endpoints",
  end_user: "end_user",
  outcome: "outcomes",
} as const;
export type FilterDimension = keyof typeof filterParams;
export const isFilter = (d: string): d is FilterDimension => d in filterParams;

/** One value for each dimension that is filtered by. */
export type Filters = Partial<Record<FilterDimension, string>>;

export const usageKey = ["usage"] as const;

type SumsQuery = NonNullable<paths["/api/usage"]["get"]["parameters"]["query"]>;

type FilterQuery = Pick<SumsQuery, (typeof filterParams)[FilterDimension]>;

/** Filters as the API takes them: of all but end users, who may be called anything, there could be several. */
export function filterQuery({ end_user, ...filters }: Filters): FilterQuery {
  const lists = Object.entries(filters).map(([d, value]) => [filterParams[d as FilterDimension], [value]]);
  return { ...(Object.fromEntries(lists) as FilterQuery), ...(end_user !== undefined && { end_user }) };
}

/** Of end users, who may be very many, so many are told apart in charts, and in tables. */
const mostEndUsers = { chart: 20, table: 200 };

/** Sums of a period: by its buckets, or (whole) one for all of it. */
export function sumsQuery(period: Period, filters: Filters, group: Dimension | null, whole = false) {
  return queryOptions({
    queryKey: [...usageKey, "sums", period.text, filters, group, whole],
    queryFn: async () => {
      const page = await data(
        api.GET("/api/usage", {
          params: {
            query: {
              start_time: period.start,
              end_time: period.end,
              bucket_width: whole ? "all" : period.width,
              ...(group && { group_by: [group] }),
              ...(group === "end_user" && { top: whole ? mostEndUsers.table : mostEndUsers.chart }),
              ...filterQuery(filters),
            },
          },
        }),
      );
      return page.data;
    },
    placeholderData: keepPreviousData,
  });
}

type Span = { start: number; end: number };

/** Single requests, the newest first, page by page. */
export function requestsQuery(span: Span, filters: Filters) {
  return infiniteQueryOptions({
    queryKey: [...usageKey, "requests", span, filters],
    queryFn: ({ pageParam }) =>
      data(
        api.GET("/api/usage/requests", {
          params: {
            query: {
              start_time: span.start,
              end_time: span.end,
              limit: 50,
              ...(pageParam !== null && { after: pageParam }),
              ...filterQuery(filters),
            },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => (last.has_more ? last.last_id : null),
  });
}

/** The id of the newest request: it changes when there is something new to show. */
export function newestQuery(span: Span, filters: Filters, live: boolean) {
  return queryOptions({
    queryKey: [...usageKey, "newest", span, filters],
    queryFn: async () => {
      const page = await data(
        api.GET("/api/usage/requests", {
          params: {
            query: { start_time: span.start, end_time: span.end, limit: 1, ...filterQuery(filters) },
          },
        }),
      );
      return page.data[0]?.id ?? null;
    },
    enabled: live,
    refetchInterval: 1000,
    retry: false,
  });
}

/** The path of an export of every request of a piece of time. */
export function exportPath(span: Span, filters: Filters, format: "csv" | "json"): string {
  const query = new URLSearchParams({
    start_time: String(span.start),
    end_time: String(span.end),
    format,
  });
  for (const [name, values] of Object.entries(filterQuery(filters))) {
    for (const value of [values].flat()) query.append(name, value);
  }
  return `/api/usage/export?${query.toString()}`;
}

/** How long usage of all organizations is kept. */
export type Keeping = components["schemas"]["UsageRetention"];

export const keepingQuery = queryOptions({
  queryKey: ["usage-keeping"],
  queryFn: () => data<Keeping>(api.GET("/api/operator/usage/retention")),
});

export function setKeeping(body: { requests_days: number; minutes_days: number }): Promise<Keeping> {
  return data(api.PUT("/api/operator/usage/retention", { body }));
}

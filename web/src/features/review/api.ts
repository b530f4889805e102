import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

export type Item = components["schemas"]["ReviewItem"];
export type Bodies = components["schemas"]["ReviewBodies"];
export type Decision = components["schemas"]["ReviewDecision"];

export const reviewKey = ["review"] as const;

export const states = ["open", "claimed", "decided"] as const;
export type State = (typeof states)[number];

/** The queue, the newest first; without a state all of it. */
export function queueQuery(state: State | undefined) {
  return infiniteQueryOptions({
    queryKey: [...reviewKey, "queue", state ?? "all"],
    queryFn: ({ pageParam }) =>
      data(
        api.GET("/api/review/items", {
          params: { query: { limit: 50, ...(state && { state }), ...(pageParam && { after: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => (last.has_more ? last.last_id : null),
  });
}

export function itemQuery(id: string) {
  return queryOptions({
    queryKey: [...reviewKey, "item", id],
    queryFn: () => data(api.GET("/api/review/items/{item_id}", { params: { path: { item_id: id } } })),
  });
}

export const claimNext = () => data(api.POST("/api/review/next"));

const place = (id: string) => ({ params: { path: { item_id: id } } });

export const claim = (id: string) => data(api.POST("/api/review/items/{item_id}/claim", place(id)));
export const release = (id: string) => data(api.POST("/api/review/items/{item_id}/release", place(id)));
/** That one looks is in the organization's audit log: only on a click. */
export const look = (id: string) => data(api.POST("/api/review/items/{item_id}/look", place(id)));
export const decide = (id: string, body: Decision) =>
  data(api.POST("/api/review/items/{item_id}/decision", { ...place(id), body }));

/** The operator's: puts a request into the queue. */
export const flag = (request_id: string, reason: string) =>
  data(api.POST("/api/operator/review/items", { body: { request_id, reason } }));

import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { paths } from "@/api/schema";

export type AuditQuery = Omit<
  NonNullable<paths["/api/audit"]["get"]["parameters"]["query"]>,
  "limit" | "after"
>;
export type Line =
  paths["/api/audit"]["get"]["responses"]["200"]["content"]["application/json"]["data"][number];

/** Administrative acts, the newest first, a page at a time. */
export const auditQuery = (query: AuditQuery) =>
  infiniteQueryOptions({
    queryKey: ["audit", query],
    queryFn: ({ pageParam }) =>
      data(
        api.GET("/api/audit", {
          params: { query: { ...query, limit: 50, ...(pageParam !== "" && { after: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => (page.has_more ? (page.data.at(-1)?.id ?? null) : null),
  });

/** The same choice as the address of an export. */
export function exportPath(query: AuditQuery, format: "csv" | "jsonl"): string {
  const params = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  return `/api/audit/export?${params.toString()}`;
}

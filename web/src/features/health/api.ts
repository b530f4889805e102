import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

export type Health = components["schemas"]["HealthReport"];
export type Check = components["schemas"]["HealthCheck"];
export type Engine = components["schemas"]["HealthEngine"];
export type Server = components["schemas"]["HealthServer"];
export type Job = components["schemas"]["Job"];

export const healthKey = ["health"] as const;

export const healthQuery = queryOptions({
  queryKey: [...healthKey, "report"],
  queryFn: () => data(api.GET("/api/operator/health")),
  refetchInterval: 5000,
});

export const jobsQuery = queryOptions({
  queryKey: [...healthKey, "jobs"],
  queryFn: async () => (await data(api.GET("/api/operator/jobs"))).data,
  refetchInterval: 10_000,
});

export const retryJob = (job: string) =>
  data(api.POST("/api/operator/jobs/{job}/retry", { params: { path: { job } } }));

export const discardJob = (job: string) =>
  data(api.DELETE("/api/operator/jobs/{job}", { params: { path: { job } } }));

import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import { allPages } from "@/api/pages";
import type { components } from "@/api/schema";

export type Retention = components["schemas"]["Retention"];
export type Installation = components["schemas"]["InstallationRetention"];
export type Reviewer = components["schemas"]["Reviewer"];

export const retentionKey = ["retention"] as const;

export const retentionQuery = queryOptions({
  queryKey: [...retentionKey, "organization"],
  queryFn: () => data(api.GET("/api/retention")),
});

export function setRetention(body: components["schemas"]["RetentionRequest"]): Promise<Retention> {
  return data(api.PUT("/api/retention", { body }));
}

export const installationQuery = queryOptions({
  queryKey: [...retentionKey, "installation"],
  queryFn: () => data(api.GET("/api/operator/retention")),
});

export function setInstallation(
  body: components["schemas"]["InstallationRetentionRequest"],
): Promise<Installation> {
  return data(api.PUT("/api/operator/retention", { body }));
}

export const reviewersQuery = queryOptions({
  queryKey: [...retentionKey, "reviewers"],
  queryFn: async () => (await data(api.GET("/api/operator/reviewers"))).data,
});

export function addReviewer(user: string): Promise<Reviewer> {
  return data(api.POST("/api/operator/reviewers", { body: { user } }));
}

export async function removeReviewer(user: string): Promise<void> {
  await api.DELETE("/api/operator/reviewers/{user_id}", { params: { path: { user_id: user } } });
}

/** What the audit log says of what was deleted. */
export type Proof = {
  id: string;
  at: number;
  key: string;
  reason: string;
  day: string;
  requests: number;
  bytes: number;
};

const proofType = "deletion_proof.created";

type Detail = { id: string; data: Omit<Proof, "id" | "at" | "key"> };

export const proofsQuery = queryOptions({
  queryKey: [...retentionKey, "proofs"],
  queryFn: async (): Promise<Proof[]> => {
    const lines = await allPages((query) =>
      data(
        api.GET("/v1/organization/audit_logs", {
          params: { query: { ...query, "event_types[]": [proofType] } },
        }),
      ),
    );
    return lines.map((line) => {
      const { id, data } = line[proofType] as Detail;
      return { ...data, id: line.id, at: line.effective_at, key: id };
    });
  },
});

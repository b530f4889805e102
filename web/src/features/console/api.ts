import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { Membership } from "@/api/types";

/** The organizations and projects that one may act in. */
export const membershipsQuery = queryOptions({
  queryKey: ["memberships"],
  queryFn: async () => {
    const list = await data(api.GET("/api/memberships"));
    return list.data satisfies Membership[];
  },
  staleTime: 60 * 1000,
});

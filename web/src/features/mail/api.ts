import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { components } from "@/api/schema";

export type MailStatus = components["schemas"]["MailStatus"];
export type Mail = components["schemas"]["Mail"];

export const mailQuery = queryOptions({
  queryKey: ["mail"],
  queryFn: () => data<MailStatus>(api.GET("/api/operator/mail")),
  // What waits is sent while one looks.
  refetchInterval: (query) => ((query.state.data?.queued ?? 0) > 0 ? 5000 : false),
});

export function testMail(to: string) {
  return data(api.POST("/api/operator/mail/test", { body: { to } }));
}

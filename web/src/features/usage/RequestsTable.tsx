import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Section } from "@/components/console/Page";
import { Empty } from "@/components/console/states";
import { formatDuration, formatMoney, formatNumber } from "@/lib/format";
import { requestsQuery, type UsageRequest } from "./api";
import { capital, useLabels } from "./labels";
import { time } from "./time";
import type { UsageState } from "./useUsageState";

/** Single requests, the newest first. Their texts are no part of usage. */
export function RequestsTable({ state, span }: { state: UsageState; span: { start: number; end: number } }) {
  const { t } = useTranslation();
  const labelOf = useLabels();
  const list = useInfiniteQuery(requestsQuery({ start: span.start, end: span.end }, state.filters));
  const rows = list.data?.pages.flatMap((page) => page.data);
  const columns: Column<UsageRequest>[] = [
    {
      id: "time",
      header: t("usage.time"),
      cell: (r) => (
        <span className="grid">
          <time dateTime={new Date(r.created_at * 1000).toISOString()} className="tabular-nums">
            {time.exact(r.created_at)}
          </time>
          <span className="font-mono text-xs [overflow-wrap:anywhere] text-muted-foreground">
            {r.request_id}
          </span>
        </span>
      ),
    },
    {
      id: "status",
      header: t("usage.status"),
      cell: (r) => (
        <span className="grid">
          <Status
            tone={r.status < 400 ? "good" : r.status === 429 || r.status === 499 ? "warning" : "danger"}
          >
            {r.status}
          </Status>
          {r.error_code !== "" && (
            <span className="font-mono text-xs [overflow-wrap:anywhere] text-muted-foreground">
              {r.error_code}
            </span>
          )}
        </span>
      ),
    },
    {
      id: "model",
      header: capital(t("usage.dimensions.model")),
      cell: (r) => (
        <span className="grid">
          <span className="[overflow-wrap:anywhere]">{labelOf("model", r.model)}</span>
          <span className="text-xs text-muted-foreground">{labelOf("endpoint", r.endpoint)}</span>
        </span>
      ),
    },
    {
      id: "by",
      header: t("usage.asked"),
      cell: (r) => (
        <span className="grid">
          <span className="break-words md:min-w-20">{labelOf("api_key_id", r.api_key_id)}</span>
          <span className="text-xs [overflow-wrap:anywhere] text-muted-foreground">
            {r.end_user !== "" ? r.end_user : labelOf("user_id", r.user_id)}
          </span>
        </span>
      ),
    },
    {
      id: "tokens",
      header: t("usage.tokensInOut"),
      cell: (r) => (
        <span className="whitespace-nowrap tabular-nums">
          {formatNumber(r.input_tokens)} + {formatNumber(r.output_tokens)}
        </span>
      ),
      align: "end",
    },
    {
      id: "latency",
      header: t("usage.latency"),
      cell: (r) => (
        <span className="grid tabular-nums">
          {formatDuration(r.latency_ms)}
          {r.first_token_ms > 0 && (
            <span className="text-xs text-muted-foreground" title={t("usage.firstToken")}>
              {formatDuration(r.first_token_ms)}
            </span>
          )}
        </span>
      ),
      align: "end",
    },
    {
      id: "cost",
      header: t("usage.cost"),
      cell: (r) => (
        <span className="whitespace-nowrap tabular-nums">{r.priced ? formatMoney(r.cost_usd) : "–"}</span>
      ),
      align: "end",
    },
  ];
  return (
    <Section title={t("usage.singleRequests")} lead={t("usage.singleRequestsHint")}>
      <DataTable
        prefix="r."
        label={t("usage.singleRequests")}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.id}
        rowName={(r) => r.request_id}
        error={list.error}
        onRetry={() => void list.refetch()}
        more={{
          has: list.hasNextPage,
          loading: list.isFetchingNextPage,
          load: () => void list.fetchNextPage(),
        }}
        empty={<Empty title={t("usage.nothing")} text={t("usage.nothingHint")} />}
      />
    </Section>
  );
}

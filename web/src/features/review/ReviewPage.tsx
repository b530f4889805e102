import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ScanEye } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page } from "@/components/console/Page";
import { useParamsState } from "@/components/console/search";
import { Empty, ErrorBox } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { formatAgo, formatTime } from "@/lib/format";
import { claimNext, type Item, queueQuery, reviewKey, type State, states } from "./api";

export const tones = { open: "warning", claimed: "neutral", decided: "good" } as const;

/** The reviewers' queue: requests that somebody is to look at. What they say is on no list. */
export function ReviewPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [params, change] = useParamsState();
  const state = states.find((one) => one === params.state);
  const query = useInfiniteQuery(queueQuery(state));
  const next = useMutation({
    mutationFn: claimNext,
    onSuccess: async (item) => {
      await client.invalidateQueries({ queryKey: reviewKey });
      await navigate({ to: `/console/review/${item.id}` });
    },
    onError: (error) => {
      if (error instanceof ApiError && error.code === "queue_empty") toast(t("review.nothingWaits"));
    },
  });
  const asked = useRef(false);
  const { mutate } = next;
  useEffect(() => {
    if (params.next === undefined || asked.current) return; // the palette's "Review the next"
    asked.current = true;
    change({ next: undefined });
    mutate();
  }, [params.next, change, mutate]);

  const empty = next.error instanceof ApiError && next.error.code === "queue_empty";
  return (
    <Page
      title={t("review.title")}
      lead={t("review.lead")}
      action={
        <Button onClick={() => next.mutate()} disabled={next.isPending}>
          <ScanEye aria-hidden />
          {t("review.next")}
        </Button>
      }
    >
      <ErrorBox error={empty ? null : next.error} title={t("review.claimFailed")} />
      <DataTable
        label={t("review.title")}
        columns={useColumns()}
        rows={query.data?.pages.flatMap((page) => page.data)}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(item) => item.id}
        rowName={(item) => item.request_id}
        rowLink={(item) => `/console/review/${item.id}`}
        filters={[
          {
            id: "state",
            label: t("review.state"),
            options: states.map((value) => ({ value, label: t(`review.states.${value}`) })),
          },
        ]}
        more={{
          has: query.hasNextPage,
          loading: query.isFetchingNextPage,
          load: () => void query.fetchNextPage(),
        }}
        empty={<Empty icon={ScanEye} title={t("review.empty")} text={t("review.emptyHint")} />}
      />
    </Page>
  );
}

export function StateOf({ state }: { state: State }) {
  const { t } = useTranslation();
  return <Status tone={tones[state]}>{t(`review.states.${state}`)}</Status>;
}

function useColumns(): Column<Item>[] {
  const { t } = useTranslation();
  return [
    {
      id: "request",
      header: t("review.request"),
      cell: (item) => <code className="font-mono text-xs [overflow-wrap:anywhere]">{item.request_id}</code>,
    },
    {
      id: "organization",
      header: t("review.organization"),
      cell: (item) => item.organization_name || item.organization_id,
    },
    { id: "reason", header: t("review.reason"), cell: (item) => item.reason, wideOnly: true },
    {
      id: "source",
      header: t("review.source"),
      cell: (item) => t(`review.sources.${item.source}`),
      wideOnly: true,
    },
    { id: "state", header: t("review.state"), cell: (item) => <StateOf state={item.state} /> },
    {
      id: "reviewer",
      header: t("review.reviewer"),
      cell: (item) => (item.mine ? t("review.you") : (item.claimed_by ?? "–")),
    },
    {
      id: "since",
      header: t("review.since"),
      cell: (item) => <span title={formatTime(item.created_at)}>{formatAgo(item.created_at)}</span>,
      nowrap: true,
    },
  ];
}

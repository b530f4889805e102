import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, data } from "@/api/client";
import { isNotFound } from "@/api/errors";
import { Page } from "@/components/console/Page";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { beta, most, threadQuery } from "./api";
import { Timeline } from "./Timeline";
import type { Message } from "./types";

/** A thread to read: its messages, and what its newest runs did. */
export function ThreadPage() {
  const { t } = useTranslation();
  const { threadId = "" } = useParams({ strict: false });
  const query = useQuery(threadQuery(threadId));
  const shown = query.data;
  const first = shown?.messages[0]?.id ?? "";
  const older = useInfiniteQuery({
    queryKey: ["thread", threadId, "before", first],
    enabled: false,
    gcTime: 0,
    initialPageParam: first,
    queryFn: ({ pageParam }) =>
      data(
        api.GET("/v1/threads/{thread_id}/messages", {
          params: { path: { thread_id: threadId }, query: { limit: most.messages, after: pageParam } },
          headers: beta,
        }),
      ),
    getNextPageParam: (page) => (page.has_more ? page.last_id : null),
  });
  const before: Message[] = (older.data?.pages ?? []).flatMap(({ data: page }) => page).toReversed();
  const more = older.data ? older.hasNextPage : (shown?.earlier ?? false);
  return (
    <Page
      title={
        query.error && isNotFound(query.error) ? t("assistants.threads.missing") : t("assistants.thread")
      }
      lead={<code className="font-mono text-sm">{threadId}</code>}
      back={{ to: "/console/threads", label: t("assistants.threads.title") }}
      action={
        shown?.run && (
          <Button variant="outline" asChild>
            <Link
              to="/console/assistants/$assistantId"
              params={{ assistantId: shown.run.assistant_id }}
              search={{ thread: threadId }}
            >
              {t("assistants.threads.goOn")}
            </Link>
          </Button>
        )
      }
    >
      <ErrorBox error={query.error} onRetry={() => void query.refetch()} />
      {query.isPending && <SkeletonLines lines={6} />}
      <ErrorBox error={older.error} />
      {more && (
        <span>
          <Button
            variant="outline"
            size="sm"
            disabled={older.isFetching}
            onClick={() => void (older.data ? older.fetchNextPage() : older.refetch())}
          >
            {t("assistants.earlier")}
          </Button>
        </span>
      )}
      {shown?.messages.length === 0 && <Empty title={t("assistants.threads.noMessages")} />}
      {shown && <Timeline live={{ messages: [...before, ...shown.messages], steps: shown.steps }} />}
    </Page>
  );
}

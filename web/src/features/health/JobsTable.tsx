import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty, useErrorText } from "@/components/console/states";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { formatAgo, formatTime } from "@/lib/format";
import { discardJob, healthKey, type Job, jobsQuery, retryJob } from "./api";

const tones = {
  waiting: "neutral",
  running: "good",
  scheduled: "neutral",
  retrying: "warning",
  failed: "danger",
} as const;

/** Background jobs that failed: another try, or away with them. */
export function JobsTable() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const textOf = useErrorText();
  const query = useQuery(jobsQuery);
  const [discarding, setDiscarding] = useState<Job | null>(null);
  const retry = useMutation({
    mutationFn: (job: Job) => retryJob(job.id),
    onSuccess: () => toast(t("health.retried")),
    onError: (error) => toast(textOf(error), "danger"),
    onSettled: () => client.invalidateQueries({ queryKey: healthKey }),
  });
  const columns: Column<Job>[] = [
    {
      id: "kind",
      header: t("health.kind"),
      cell: (job) => (
        <span className="grid gap-0.5">
          <code className="font-mono text-xs [overflow-wrap:anywhere]">{job.kind}</code>
          <code className="font-mono text-xs [overflow-wrap:anywhere] text-muted-foreground">{job.args}</code>
        </span>
      ),
      value: (job) => job.kind,
      text: (job) => `${job.kind} ${job.args} ${job.error}`,
    },
    {
      id: "state",
      header: t("health.state"),
      cell: (job) => <Status tone={tones[job.state]}>{t(`health.jobStates.${job.state}`)}</Status>,
      value: (job) => job.state,
    },
    {
      id: "error",
      header: t("health.error"),
      cell: (job) => (
        <span className="grid gap-0.5">
          <span className="line-clamp-3 max-w-lg [overflow-wrap:anywhere]" title={job.error}>
            {job.error || "–"}
          </span>
          <span className="text-xs text-muted-foreground">
            {t("health.attempt", { attempt: job.attempt, of: job.max_attempts })}
          </span>
        </span>
      ),
      text: (job) => job.error,
    },
    {
      id: "due",
      header: t("health.when"),
      cell: (job) => {
        const at = job.ended_at ?? job.due_at;
        return <span title={formatTime(at)}>{formatAgo(at)}</span>;
      },
      value: (job) => job.ended_at ?? job.due_at,
    },
  ];
  return (
    <>
      <DataTable
        label={t("health.jobs")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(job) => job.id}
        rowName={(job) => job.kind}
        prefix="jobs."
        actions={(job) => (
          <>
            <MenuItem onSelect={() => retry.mutate(job)}>
              <RotateCcw aria-hidden />
              {t("health.retry")}
            </MenuItem>
            <MenuItem danger onSelect={() => setDiscarding(job)}>
              <Trash2 aria-hidden />
              {t("health.discard")}
            </MenuItem>
          </>
        )}
        empty={<Empty icon={CircleCheck} title={t("health.noJobs")} />}
      />
      <Confirm
        open={discarding !== null}
        onOpenChange={(open) => !open && setDiscarding(null)}
        title={t("health.discardTitle")}
        text={t("health.discardText", { kind: discarding?.kind ?? "" })}
        confirm={t("health.discard")}
        onConfirm={async () => {
          if (!discarding) return;
          await discardJob(discarding.id);
          await client.invalidateQueries({ queryKey: healthKey });
        }}
      />
    </>
  );
}

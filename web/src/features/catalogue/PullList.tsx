import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCcw, X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { Card } from "@/components/console/Page";
import { useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { modelsQuery } from "@/features/models/api";
import { formatBytes, formatPercent } from "@/lib/format";
import { catalogueKey, endPull, type Pull, serverPullsQuery, startPull } from "./api";
import { timeLeft } from "./left";

const tones = { running: "warning", done: "good", failed: "danger", canceled: "neutral" } as const;

/** What the server pulls, and what became of what it pulled. It goes on when the page is left or read anew. */
export function PullList() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const pulls = useQuery(serverPullsQuery).data ?? [];
  const running = pulls.filter((pull) => pull.state === "running").length;
  // One that has ended changes what is installed, and what the chat page offers.
  useEffect(() => {
    void client.invalidateQueries({ queryKey: [...catalogueKey, "models"] });
    void client.invalidateQueries({ queryKey: [...catalogueKey, "offers"] });
    void client.invalidateQueries({ queryKey: modelsQuery.queryKey });
  }, [client, running]);
  if (pulls.length === 0) return null;
  return (
    <section aria-label={t("catalogue.pulls")} className="grid gap-2">
      {pulls.toReversed().map((pull) => (
        <PullCard key={pull.id} pull={pull} />
      ))}
    </section>
  );
}

function PullCard({ pull }: { pull: Pull }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const textOf = useErrorText();
  const act = useMutation({
    mutationFn: (run: () => Promise<unknown>) => run(),
    onError: (error) => toast(textOf(error), "danger"),
    onSettled: () => client.invalidateQueries({ queryKey: [...catalogueKey, "pulls"] }),
  });
  const running = pull.state === "running";
  const share = pull.total > 0 ? pull.done / pull.total : 0;
  const figures = [
    pull.total > 0 &&
      t("catalogue.bytesOf", { done: formatBytes(pull.done), total: formatBytes(pull.total) }),
    pull.bytes_per_second > 0 && t("catalogue.speed", { speed: formatBytes(pull.bytes_per_second) }),
    pull.seconds_left > 0 && t("catalogue.left", { time: timeLeft(pull.seconds_left, i18n.language) }),
  ].filter((text) => text !== false);
  return (
    <Card className="grid gap-2 text-sm">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <span className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
          <Status tone={tones[pull.state]}>{t(`catalogue.pullStates.${pull.state}`)}</Status>
          <span className="font-medium [overflow-wrap:anywhere]">{pull.model ?? pull.name}</span>
          {running && (
            <span className="text-muted-foreground">
              {t(`catalogue.stages.${pull.stage as "download"}`, { defaultValue: pull.stage })}
            </span>
          )}
        </span>
        <span className="flex gap-1">
          {(pull.state === "failed" || pull.state === "canceled") && (
            <Button
              variant="outline"
              size="sm"
              disabled={act.isPending}
              onClick={() =>
                act.mutate(() => startPull({ model: pull.name, layout: pull.layout, default: pull.default }))
              }
            >
              <RotateCcw aria-hidden />
              {t("catalogue.goOn")}
            </Button>
          )}
          <Button
            variant={running ? "outline" : "ghost"}
            size={running ? "sm" : "icon-sm"}
            disabled={act.isPending}
            aria-label={t(running ? "catalogue.cancelPull" : "catalogue.forgetPull", { name: pull.name })}
            onClick={() => act.mutate(() => endPull(pull.id))}
          >
            {running ? t("app.cancel") : <X />}
          </Button>
        </span>
      </div>
      {running && (
        <>
          <div
            role="progressbar"
            aria-label={t("catalogue.progressOf", { name: pull.name })}
            aria-valuemin={0}
            aria-valuemax={100}
            {...(pull.total > 0 && { "aria-valuenow": Math.round(share * 100) })}
            className="h-2 overflow-hidden rounded-full bg-muted"
          >
            <div
              className={pull.total > 0 ? "h-full bg-primary" : "h-full w-1/4 animate-pulse bg-primary"}
              style={pull.total > 0 ? { width: `${share * 100}%` } : undefined}
            />
          </div>
          <p className="flex min-h-5 flex-wrap gap-x-4 text-muted-foreground">
            {pull.total > 0 && <span>{formatPercent(share)}</span>}
            {figures.map((text) => (
              <span key={text}>{text}</span>
            ))}
          </p>
        </>
      )}
      {pull.error !== undefined && (
        <p className="[overflow-wrap:anywhere] text-danger" role="alert">
          {pull.error}
        </p>
      )}
    </Card>
  );
}

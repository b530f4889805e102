import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { isRunning, modelsQuery, pullsQuery } from "./api";
import { percent } from "./ModelState";

/** What is being downloaded, so that nobody wonders when the better model comes. */
export function Pulls({ className }: { className?: string }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const pulls = useQuery(pullsQuery).data ?? [];
  const running = pulls.filter(isRunning);

  // One that has ended changes which models answer.
  useEffect(() => {
    void client.invalidateQueries({ queryKey: modelsQuery.queryKey });
  }, [client, running.length]);

  const shown = pulls.filter((pull) => pull.state === "running" || pull.state === "failed");
  if (shown.length === 0) return null;
  return (
    <ul data-slot="pulls" className={cn("grid gap-1.5 text-sm text-muted-foreground", className)}>
      {shown.map((pull) => {
        const part = pull.total > 0 ? pull.done / pull.total : 0;
        return (
          <li key={pull.name} className="flex items-center justify-center gap-2">
            <Download className="size-4 shrink-0" aria-hidden />
            {pull.state === "failed"
              ? t("models.pullFailed", { model: pull.name })
              : t("models.pulling", { model: pull.name, percent: percent(part, i18n.language) })}
          </li>
        );
      })}
    </ul>
  );
}

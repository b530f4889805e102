import { useQuery } from "@tanstack/react-query";
import { RefreshCw, ServerCog } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { remotesQuery, type RemoteEngine } from "./api";

const tones = { answers: "good", away: "danger", unknown: "neutral" } as const;

/** Servers elsewhere whose models answer here, and whether they do now. */
export function Remotes() {
  const { t } = useTranslation();
  const query = useQuery(remotesQuery);
  const columns: Column<RemoteEngine>[] = [
    {
      id: "name",
      header: t("catalogue.server"),
      cell: (remote) => (
        <span className="grid gap-0.5">
          <span className="flex flex-wrap items-center gap-2">
            {remote.name}
            {!remote.configured && <Badge>{t("catalogue.found")}</Badge>}
          </span>
          <span className="font-mono text-xs [overflow-wrap:anywhere] text-muted-foreground">
            {remote.url}
          </span>
        </span>
      ),
      value: (remote) => remote.name,
      text: (remote) => `${remote.name} ${remote.url} ${remote.models.join(" ")}`,
    },
    {
      id: "state",
      header: t("catalogue.state"),
      cell: (remote) => (
        <span className="grid gap-0.5">
          <Status tone={tones[remote.state]}>{t(`catalogue.remoteStates.${remote.state}`)}</Status>
          {remote.error !== undefined && (
            <span className="max-w-sm text-xs [overflow-wrap:anywhere] text-danger">{remote.error}</span>
          )}
        </span>
      ),
      value: (remote) => remote.state,
    },
    {
      id: "models",
      header: t("catalogue.tabs.installed"),
      cell: (remote) =>
        remote.models.length === 0 ? (
          "–"
        ) : (
          <span className="flex flex-wrap gap-1">
            {remote.models.slice(0, 8).map((name) => (
              <Badge key={name}>{name}</Badge>
            ))}
            {remote.models.length > 8 && (
              <span>{t("catalogue.more", { count: remote.models.length - 8 })}</span>
            )}
          </span>
        ),
      value: (remote) => remote.models.length,
    },
  ];
  return (
    <DataTable
      label={t("catalogue.tabs.remotes")}
      columns={columns}
      rows={query.data}
      error={query.error}
      onRetry={() => void query.refetch()}
      rowKey={(remote) => remote.name}
      toolbar={
        <Button variant="outline" disabled={query.isFetching} onClick={() => void query.refetch()}>
          <RefreshCw aria-hidden />
          {t("catalogue.askAgain")}
        </Button>
      }
      empty={<Empty icon={ServerCog} title={t("catalogue.noRemotes")} text={t("catalogue.noRemotesHint")} />}
    />
  );
}

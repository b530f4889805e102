import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleMinus, RefreshCw, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page, Section } from "@/components/console/Page";
import { Empty, ErrorBox, Skeleton } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { cn } from "@/lib/cn";
import { formatAgo, formatBytes, formatNumber, formatTime } from "@/lib/format";
import { type Check, type Engine, healthQuery, type Server } from "./api";
import { JobsTable } from "./JobsTable";
import { adviceOf, textOf } from "./words";

const icons = { ok: CircleCheck, off: CircleMinus, warning: TriangleAlert, failed: CircleAlert } as const;
const colors = {
  ok: "text-primary",
  off: "text-muted-foreground",
  warning: "text-warning",
  failed: "text-danger",
} as const;
const ids = [
  "database",
  "engines",
  "queues",
  "jobs",
  "disk",
  "memory",
  "servers",
  "redis",
  "mail",
  "bodies",
  "status",
] as const;

/** How this server is: a line for each thing that it needs, with what to do when it is not well. */
export function HealthPage() {
  const { t } = useTranslation();
  const query = useQuery(healthQuery);
  const report = query.data;
  return (
    <Page
      title={t("health.title")}
      lead={t("health.lead")}
      action={
        <Button variant="outline" disabled={query.isFetching} onClick={() => void query.refetch()}>
          <RefreshCw aria-hidden />
          {t("health.again")}
        </Button>
      }
    >
      {report === undefined && <ErrorBox error={query.error} onRetry={() => void query.refetch()} />}
      <p className="min-h-6 text-sm text-muted-foreground" aria-live="polite">
        {report && (
          <>
            <strong className="font-medium text-foreground">{t(`health.overall.${report.state}`)}</strong>
            {" · "}
            {t("health.version", { version: report.version, since: formatAgo(report.started_at) })}
          </>
        )}
      </p>
      <ul className="divide-y rounded-xl border bg-card" aria-label={t("health.checks")}>
        {ids.map((id) => (
          <Line
            key={id}
            id={id}
            check={report?.checks.find((check) => check.id === id)}
            failed={query.error !== null}
          />
        ))}
      </ul>
      <Section title={t("health.engines")}>
        <Engines rows={report?.engines} />
      </Section>
      <Section title={t("health.jobs")} lead={t("health.jobsLead")}>
        <JobsTable />
      </Section>
      <Section title={t("health.servers")} lead={t("health.serversLead")}>
        <Servers rows={report?.servers} />
      </Section>
    </Page>
  );
}

function Line({
  id,
  check,
  failed,
}: {
  id: (typeof ids)[number];
  check: Check | undefined;
  failed: boolean;
}) {
  const { t } = useTranslation();
  const Icon = icons[check?.state ?? "off"];
  const advice = check ? adviceOf(check, t) : "";
  return (
    <li data-check={id} className="grid gap-x-4 gap-y-1 px-4 py-3 text-sm sm:grid-cols-[11rem_1fr]">
      <span className="flex items-center gap-2 font-medium">
        <Icon className={cn("size-4 shrink-0", colors[check?.state ?? "off"])} aria-hidden />
        {t(`health.names.${id}`)}
        <span className="sr-only">{check && t(`health.states.${check.state}`)}</span>
      </span>
      <span className="grid min-h-5 min-w-0 gap-1 [overflow-wrap:anywhere]">
        {check && <span>{textOf(check, t)}</span>}
        {!check && (failed ? <span>–</span> : <Skeleton className="h-4 w-64 max-w-full" />)}
        {advice !== "" && <span className={colors[check?.state ?? "off"]}>{advice}</span>}
      </span>
    </li>
  );
}

const tones = {
  ready: "good",
  loading: "warning",
  unloading: "warning",
  cold: "neutral",
  failed: "danger",
} as const;

function Engines({ rows }: { rows: Engine[] | undefined }) {
  const { t } = useTranslation();
  const columns: Column<Engine>[] = [
    {
      id: "model",
      header: t("health.model"),
      cell: (engine) => (
        <span className="grid gap-0.5">
          <span className="[overflow-wrap:anywhere]">{engine.model}</span>
          {engine.last_error !== undefined && (
            <span className="max-w-lg text-xs [overflow-wrap:anywhere] text-danger">
              {engine.last_end !== undefined && `${formatTime(engine.last_end)}: `}
              {engine.last_error}
            </span>
          )}
        </span>
      ),
      value: (engine) => engine.model,
    },
    {
      id: "state",
      header: t("health.state"),
      cell: (engine) => (
        <Status tone={tones[engine.state]}>{t(`health.engineStates.${engine.state}`)}</Status>
      ),
      value: (engine) => engine.state,
    },
    {
      id: "active",
      header: t("health.running"),
      align: "end",
      cell: (engine) => formatNumber(engine.active),
      value: (engine) => engine.active,
    },
    {
      id: "queued",
      header: t("health.waiting"),
      align: "end",
      cell: (engine) => formatNumber(engine.queued),
      value: (engine) => engine.queued,
    },
    {
      id: "memory",
      header: t("health.memory"),
      align: "end",
      cell: (engine) => (engine.memory_bytes > 0 ? formatBytes(engine.memory_bytes) : "–"),
      nowrap: true,
      value: (engine) => engine.memory_bytes,
    },
    {
      id: "process",
      header: t("health.process"),
      cell: (engine) =>
        engine.pid === undefined
          ? t("health.elsewhere")
          : t("health.pid", { pid: engine.pid, since: formatAgo(engine.since ?? 0) }),
      text: (engine) => String(engine.pid ?? ""),
    },
    {
      id: "restarts",
      header: t("health.restarts"),
      align: "end",
      cell: (engine) => formatNumber(engine.restarts),
      value: (engine) => engine.restarts,
    },
  ];
  return (
    <DataTable
      label={t("health.engines")}
      columns={columns}
      rows={rows}
      rowKey={(engine) => engine.model}
      prefix="engines."
      empty={<Empty title={t("health.noEngines")} text={t("health.noEnginesHint")} />}
    />
  );
}

function Servers({ rows }: { rows: Server[] | undefined }) {
  const { t } = useTranslation();
  const columns: Column<Server>[] = [
    {
      id: "host",
      header: t("health.host"),
      cell: (server) => (
        <span className="flex flex-wrap items-center gap-2">
          {server.host || "–"}
          {server.self && <Badge tone="good">{t("health.self")}</Badge>}
        </span>
      ),
      value: (server) => server.host,
    },
    {
      id: "version",
      header: t("health.versionColumn"),
      cell: (server) => <code className="font-mono text-xs">{server.version || "–"}</code>,
      value: (server) => server.version,
    },
    {
      id: "started",
      header: t("health.started"),
      cell: (server) => formatTime(server.started_at),
      nowrap: true,
      value: (server) => server.started_at,
    },
    {
      id: "seen",
      header: t("health.seen"),
      cell: (server) => <span title={formatTime(server.seen_at)}>{formatAgo(server.seen_at)}</span>,
      nowrap: true,
      value: (server) => server.seen_at,
    },
    {
      id: "id",
      header: t("health.serverId"),
      cell: (server) => <code className="font-mono text-xs [overflow-wrap:anywhere]">{server.id}</code>,
      text: (server) => server.id,
      wideOnly: true,
    },
  ];
  return (
    <DataTable
      label={t("health.servers")}
      columns={columns}
      rows={rows}
      rowKey={(server) => server.id}
      prefix="servers."
      empty={<Empty title={t("health.noServers")} />}
    />
  );
}

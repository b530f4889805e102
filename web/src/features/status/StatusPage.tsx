import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, ExternalLink, MessageSquarePlus, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge, Status } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, Skeleton } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { formatPercent, formatTime } from "@/lib/format";
import {
  type Component,
  componentsQuery,
  deleteIncident,
  type Incident,
  incidentsQuery,
  statusKey,
} from "./api";
import { IncidentDialog } from "./IncidentDialog";
import { NewIncidentForm } from "./NewIncidentForm";

const tones = { operational: "good", degraded: "warning", down: "danger" } as const;
const impactTones = { none: "neutral", minor: "warning", major: "danger", critical: "danger" } as const;

/** What the public status page shows, and the words for its incidents. */
export function StatusPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const query = useQuery(incidentsQuery);
  const create = useDialogParam("new");
  const open = useDialogParam("incident");
  const [deleting, setDeleting] = useState<Incident | null>(null);
  const shown = query.data?.find((incident) => incident.id === open.subject);
  const newIncident = (
    <Button onClick={() => create.show()}>
      <Plus aria-hidden />
      {t("status.open")}
    </Button>
  );
  const columns: Column<Incident>[] = [
    {
      id: "name",
      header: t("status.incident"),
      cell: (incident) => (
        <span className="grid gap-1">
          <button
            type="button"
            className="w-fit rounded text-left [overflow-wrap:anywhere] underline-offset-4 hover:underline"
            onClick={() => open.show(incident.id)}
          >
            {incident.name}
          </button>
          <span className="flex flex-wrap gap-1">
            <Badge tone={impactTones[incident.impact]}>{t(`status.impacts.${incident.impact}`)}</Badge>
            {incident.automatic && <Badge>{t("status.automatic")}</Badge>}
            {incident.components.map((id) => (
              <Badge key={id}>{t(`status.components.${id as "api"}`)}</Badge>
            ))}
          </span>
        </span>
      ),
      value: (incident) => incident.name,
      text: (incident) => `${incident.name} ${incident.updates.map((u) => u.body).join(" ")}`,
    },
    {
      id: "status",
      header: t("status.state"),
      cell: (incident) => (
        <Status tone={incident.status === "resolved" ? "good" : "warning"}>
          {t(`status.statuses.${incident.status}`)}
        </Status>
      ),
      value: (incident) => incident.status,
    },
    {
      id: "started",
      header: t("status.started"),
      cell: (incident) => formatTime(incident.started_at),
      nowrap: true,
      value: (incident) => incident.started_at,
    },
    {
      id: "resolved",
      header: t("status.resolved"),
      cell: (incident) => (incident.resolved_at === null ? "–" : formatTime(incident.resolved_at)),
      nowrap: true,
      value: (incident) => incident.resolved_at,
    },
  ];
  return (
    <Page title={t("status.title")} lead={t("status.lead")} action={newIncident}>
      <Section
        title={t("status.now")}
        action={
          <a
            href="/status"
            target="_blank"
            rel="noreferrer"
            className="flex items-center gap-1.5 text-sm underline underline-offset-4"
          >
            {t("status.public")}
            <ExternalLink className="size-3.5" aria-hidden />
          </a>
        }
      >
        <Components />
      </Section>
      <Section title={t("status.incidents")}>
        <DataTable
          label={t("status.incidents")}
          columns={columns}
          rows={query.data}
          error={query.error}
          onRetry={() => void query.refetch()}
          rowKey={(incident) => incident.id}
          rowName={(incident) => incident.name}
          sort="-started"
          search
          filters={[
            {
              id: "state",
              label: t("status.state"),
              options: [
                { value: "open", label: t("status.goingOn") },
                { value: "resolved", label: t("status.statuses.resolved") },
              ],
              matches: (incident, value) => (incident.status === "resolved") === (value === "resolved"),
            },
          ]}
          actions={(incident) => (
            <>
              <MenuItem onSelect={() => open.show(incident.id)}>
                <MessageSquarePlus aria-hidden />
                {t("status.write")}
              </MenuItem>
              <MenuItem danger onSelect={() => setDeleting(incident)}>
                <Trash2 aria-hidden />
                {t("status.delete")}
              </MenuItem>
            </>
          )}
          empty={<Empty icon={CircleCheck} title={t("status.none")} text={t("status.noneHint")} />}
        />
      </Section>
      <Dialog open={create.open} onOpenChange={(is) => !is && create.close()}>
        {create.open && <NewIncidentForm onDone={create.close} />}
      </Dialog>
      <Dialog open={shown !== undefined} onOpenChange={(is) => !is && open.close()}>
        {shown && <IncidentDialog incident={shown} />}
      </Dialog>
      <Confirm
        open={deleting !== null}
        onOpenChange={(is) => !is && setDeleting(null)}
        title={t("status.deleteTitle")}
        text={t("status.deleteText", { name: deleting?.name ?? "" })}
        confirm={t("status.delete")}
        onConfirm={async () => {
          if (!deleting) return;
          await deleteIncident(deleting.id);
          await client.invalidateQueries({ queryKey: statusKey });
        }}
      />
    </Page>
  );
}

function Components() {
  const { t } = useTranslation();
  const query = useQuery(componentsQuery);
  if (query.data === undefined && query.error) {
    return <ErrorBox error={query.error} onRetry={() => void query.refetch()} />;
  }
  const rows: (Component | undefined)[] = query.data ?? [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ];
  return (
    <ul className="divide-y rounded-xl border bg-card text-sm">
      {rows.map((component, i) => (
        <li
          key={component?.id ?? i}
          className="grid min-h-11 gap-x-4 gap-y-1 px-4 py-3 sm:grid-cols-[11rem_9rem_1fr]"
        >
          {component ? (
            <>
              <span className="font-medium">{t(`status.components.${component.id}`)}</span>
              <Status tone={tones[component.state]}>{t(`status.states.${component.state}`)}</Status>
              <span className="min-w-0 [overflow-wrap:anywhere] text-muted-foreground">
                {component.reason ??
                  (component.uptime === null
                    ? t("status.noData")
                    : t("status.uptime", {
                        // Never rounded up to a whole that it is not.
                        uptime: formatPercent(Math.floor(component.uptime * 1000) / 1000),
                        count: component.days.length,
                      }))}
              </span>
            </>
          ) : (
            <Skeleton className="h-4 w-32" />
          )}
        </li>
      ))}
    </ul>
  );
}

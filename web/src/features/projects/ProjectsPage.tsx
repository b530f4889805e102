import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Archive, FolderKanban, FolderPlus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Project } from "@/api/types";
import { Status } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, TextField } from "@/components/console/fields";
import { Page } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { membershipsQuery } from "@/features/console/api";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatDate, formatTime } from "@/lib/format";
import { archiveProject, createProject, projectsQuery } from "./api";

type Row = Pick<Project, "id" | "name" | "status"> & { created_at: number | null };

/** The organization's projects; for who looks after one of them alone, that one. */
export function ProjectsPage() {
  const { t } = useTranslation();
  const all = useMay("organization.read");
  const write = useMay("organization.write");
  const list = useQuery({ ...projectsQuery, enabled: all });
  const own = useQuery(membershipsQuery);
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const dialog = useDialogParam("new");
  const archive = useDialogParam("archive");

  const mine = own.data
    ?.find((membership) => membership.id === session?.organization.id)
    ?.projects.filter((place) => place.role === "owner")
    .map((place): Row => ({ ...place, status: "active", created_at: null }));
  const query = all ? list : own;
  const rows: Row[] | undefined = all ? list.data : mine;
  const archiving = rows?.find((project) => project.id === archive.subject && project.status === "active");

  const button = (
    <Button onClick={() => dialog.show()}>
      <FolderPlus aria-hidden />
      {t("projects.create")}
    </Button>
  );
  const columns: Column<Row>[] = [
    {
      id: "name",
      header: t("projects.name"),
      cell: (project) => project.name,
      value: (project) => project.name,
    },
    {
      id: "id",
      header: t("projects.id"),
      cell: (project) => <code className="font-mono text-xs">{project.id}</code>,
      text: (project) => project.id,
      wideOnly: true,
    },
    {
      id: "state",
      header: t("projects.state"),
      cell: (project) => (
        <Status tone={project.status === "active" ? "good" : "neutral"}>
          {t(`projects.states.${project.status}`)}
        </Status>
      ),
      value: (project) => project.status,
    },
    {
      id: "created",
      header: t("projects.created"),
      nowrap: true,
      cell: (project) =>
        project.created_at === null ? (
          "–"
        ) : (
          <span title={formatTime(project.created_at)}>{formatDate(project.created_at)}</span>
        ),
      value: (project) => project.created_at,
    },
  ];

  return (
    <Page title={t("projects.title")} lead={t("projects.lead")} action={write && button}>
      <DataTable
        label={t("projects.title")}
        columns={columns}
        rows={rows}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(project) => project.id}
        rowName={(project) => project.name}
        rowLink={(project) => `/console/projects/${project.id}`}
        sort="name"
        search
        filters={[
          {
            id: "state",
            label: t("projects.state"),
            options: (["active", "archived"] as const).map((value) => ({
              value,
              label: t(`projects.states.${value}`),
            })),
            matches: (project, value) => project.status === value,
          },
        ]}
        {...(write && {
          actions: (project: Row) =>
            project.status === "active" ? (
              <MenuItem danger onSelect={() => archive.show(project.id)}>
                <Archive aria-hidden />
                {t("projects.archive")}
              </MenuItem>
            ) : null,
        })}
        empty={<Empty icon={FolderKanban} title={t("projects.empty")} action={write && button} />}
      />
      <Dialog open={dialog.open && write} onOpenChange={(open) => !open && dialog.close()}>
        <NewProject />
      </Dialog>
      <Confirm
        open={archiving !== undefined && write}
        onOpenChange={(open) => !open && archive.close()}
        title={t("projects.archiveTitle", { name: archiving?.name ?? "" })}
        text={t("projects.archiveText")}
        confirm={t("projects.archive")}
        phrase={archiving?.name ?? ""}
        onConfirm={async () => {
          if (!archiving) return;
          await archiveProject(archiving.id);
          await client.invalidateQueries({ queryKey: ["projects"] });
          void client.invalidateQueries({ queryKey: membershipsQuery.queryKey });
          toast(t("projects.archived"));
        }}
      />
    </Page>
  );
}

function NewProject() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => createProject(name.trim()),
    onSuccess: async (project) => {
      void client.invalidateQueries({ queryKey: ["projects"] });
      void client.invalidateQueries({ queryKey: membershipsQuery.queryKey });
      await navigate({ to: `/console/projects/${project.id}` });
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("projects.createTitle")}</DialogTitle>
      <Form
        submit={t("projects.create")}
        cancel
        busy={create.isPending}
        error={create.error}
        errorTitle={t("projects.notMade")}
        onSubmit={() => create.mutate()}
      >
        <TextField
          label={t("projects.name")}
          hint={t("projects.nameHint")}
          value={name}
          onChange={setName}
          maxLength={100}
          autoComplete="off"
          required
        />
      </Form>
    </DialogContent>
  );
}

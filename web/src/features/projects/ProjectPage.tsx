import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { PencilLine } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isNotFound } from "@/api/errors";
import type { Project } from "@/api/types";
import { Status } from "@/components/console/Badge";
import { Form, TextField } from "@/components/console/fields";
import { Details, Page } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { membershipsQuery } from "@/features/console/api";
import { useMay } from "@/features/session/may";
import { formatTime } from "@/lib/format";
import { type Place, projectQuery, renameProject } from "./api";
import { ProjectAccounts } from "./ProjectAccounts";
import { ProjectKeys } from "./ProjectKeys";
import { ProjectUsers } from "./ProjectUsers";

/** One project: its members, its service accounts and their keys. */
export function ProjectPage() {
  const { t } = useTranslation();
  const { projectId = "" } = useParams({ strict: false });
  const all = useMay("organization.read");
  const place: Place = { project: projectId, inside: !all };
  const query = useQuery(projectQuery(place));
  const { data: memberships } = useQuery(membershipsQuery);
  const may = useMay("project.write");
  const dialog = useDialogParam("rename");
  const project = query.data;
  // Who acts inside of it may be its owner while the switch says another project.
  const owns = memberships?.some((m) => m.projects.some((p) => p.id === projectId && p.role === "owner"));
  const write = (may || (owns ?? false)) && project?.status === "active";

  return (
    <Page
      title={project?.name ?? (query.error ? t("projects.missing") : "…")}
      back={{ to: "/console/projects", label: t("projects.title") }}
      action={
        write && (
          <Button variant="outline" onClick={() => dialog.show()}>
            <PencilLine aria-hidden />
            {t("projects.rename")}
          </Button>
        )
      }
    >
      {query.error && (
        <ErrorBox
          error={query.error}
          title={isNotFound(query.error) ? t("projects.missing") : undefined}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.isPending && <SkeletonLines lines={3} />}
      {project && (
        <>
          <Details
            rows={[
              [t("projects.id"), <code className="font-mono text-xs">{project.id}</code>],
              [
                t("projects.state"),
                <Status tone={project.status === "active" ? "good" : "neutral"}>
                  {t(`projects.states.${project.status}`)}
                </Status>,
              ],
              [t("projects.created"), formatTime(project.created_at)],
            ]}
          />
          <ProjectUsers place={place} write={write} />
          <ProjectAccounts place={place} write={write} />
          <ProjectKeys place={place} write={write} />
          <Dialog open={dialog.open && write} onOpenChange={(open) => !open && dialog.close()}>
            <Rename project={project} place={place} onDone={dialog.close} />
          </Dialog>
        </>
      )}
    </Page>
  );
}

function Rename({ project, place, onDone }: { project: Project; place: Place; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState(project.name);
  const rename = useMutation({
    mutationFn: () => renameProject(place, name.trim()),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["projects"] });
      void client.invalidateQueries({ queryKey: membershipsQuery.queryKey });
      void client.invalidateQueries({ queryKey: ["session"] });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("projects.rename")}</DialogTitle>
      <Form
        submit={t("console.form.save")}
        cancel
        busy={rename.isPending}
        error={rename.error}
        errorTitle={t("projects.notRenamed")}
        onSubmit={() => rename.mutate()}
      >
        <TextField
          label={t("projects.name")}
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

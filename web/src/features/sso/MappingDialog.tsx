import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CheckField, Form, RadioField, TextField } from "@/components/console/fields";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { type Role, roles } from "@/features/members/api";
import { projectsQuery } from "@/features/projects/api";
import { useMay } from "@/features/session/may";
import { type Mapping, saveMapping, ssoKey } from "./api";

/** Gives a group a role and places in projects, or changes what it has. */
export function MappingDialog({
  open,
  mapping,
  onClose,
}: {
  open: boolean;
  mapping: Mapping | undefined;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onOpenChange={(shown) => !shown && onClose()}>
      <DialogContent>
        <DialogTitle>{mapping ? t("sso.edit") : t("sso.map")}</DialogTitle>
        <MappingForm key={mapping?.id ?? ""} mapping={mapping} onClose={onClose} />
      </DialogContent>
    </Dialog>
  );
}

function MappingForm({ mapping, onClose }: { mapping: Mapping | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const own = useMay("organization.own");
  const { data: projects = [] } = useQuery(projectsQuery);
  const [group, setGroup] = useState(mapping?.group ?? "");
  const [role, setRole] = useState<Role>(mapping?.role ?? "member");
  const [places, setPlaces] = useState(mapping?.projects ?? []);
  const active = projects.filter((project) => project.status === "active");
  const save = useMutation({
    mutationFn: () => saveMapping({ group: group.trim(), role, projects: places }, mapping?.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ssoKey });
      toast(t("sso.saved"));
      onClose();
    },
  });
  return (
    <Form
      onSubmit={() => save.mutate()}
      busy={save.isPending}
      error={save.error}
      errorTitle={t("sso.notSaved")}
      submit={t("console.form.save")}
      disabled={group.trim() === ""}
      cancel
    >
      <TextField
        label={t("sso.group")}
        hint={t("sso.groupHint")}
        value={group}
        onChange={setGroup}
        maxLength={256}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <RadioField
        label={t("members.role")}
        value={role}
        options={roles
          .filter((value) => value !== "owner" || own)
          .map((value) => ({
            value,
            label: t(`members.roles.${value}`),
            hint: t(`members.roleHints.${value}`),
          }))}
        onChange={setRole}
      />
      {active.length > 1 && (
        <fieldset className="grid gap-2">
          <legend className="mb-1.5 text-sm font-medium">{t("sso.projects")}</legend>
          {active.map((project) => (
            <CheckField
              key={project.id}
              label={project.name}
              checked={places.some((place) => place.id === project.id)}
              onChange={(on) =>
                setPlaces((current) =>
                  on
                    ? [...current, { id: project.id, role: "member" as const }]
                    : current.filter((place) => place.id !== project.id),
                )
              }
            />
          ))}
          <p className="text-sm text-muted-foreground">{t("sso.projectsHint")}</p>
        </fieldset>
      )}
    </Form>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CopySecret } from "@/components/console/CopySecret";
import { Form, RadioField, SelectField, TextField } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { projectsQuery } from "@/features/projects/api";
import { useMay } from "@/features/session/may";
import { invite, type Role, roles } from "./api";

/** Asks somebody to join, then shows the link that lets them. */
export function InviteDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onOpenChange={(next) => !next && onClose()}>
      <Body />
    </Dialog>
  );
}

function Body() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const own = useMay("organization.own");
  const { data: projects = [] } = useQuery(projectsQuery);
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [project, setProject] = useState("");
  const send = useMutation({
    mutationFn: () =>
      invite({
        email: email.trim(),
        role,
        ...(project !== "" && { projects: [{ id: project, role: "member" as const }] }),
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["members", "invites"] }),
    gcTime: 0, // the link lasts as long as the dialog
  });
  const made = send.data;
  return (
    <DialogContent>
      <DialogTitle>{made ? t("members.invited") : t("members.inviteTitle")}</DialogTitle>
      {made ? (
        <>
          <p className="text-muted-foreground">
            {made.mailed === true
              ? t("members.mailedHint", { email: made.email })
              : t("members.linkHint", { email: made.email })}
          </p>
          {made.link !== undefined && <CopySecret label={t("members.link")} value={made.link} />}
          <div className="flex justify-end">
            <DialogClose asChild>
              <Button variant="outline">{t("members.done")}</Button>
            </DialogClose>
          </div>
        </>
      ) : (
        <Form
          submit={t("members.invite")}
          cancel
          busy={send.isPending}
          error={send.error}
          errorTitle={t("members.notInvited")}
          onSubmit={() => send.mutate()}
        >
          <TextField
            label={t("members.email")}
            type="email"
            value={email}
            onChange={setEmail}
            autoComplete="off"
            required
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
          {projects.length > 1 && (
            <SelectField
              label={t("members.project")}
              value={project}
              options={[
                { value: "", label: t("members.defaultProject") },
                ...projects.filter((p) => p.status === "active").map((p) => ({ value: p.id, label: p.name })),
              ]}
              onChange={setProject}
            />
          )}
        </Form>
      )}
    </DialogContent>
  );
}

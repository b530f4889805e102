import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Trash2, UserPlus, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ProjectUser } from "@/api/types";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, RadioField, TextField } from "@/components/console/fields";
import { Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { formatDate, formatTime } from "@/lib/format";
import {
  addUser,
  type Place,
  type ProjectRole,
  projectUsersQuery,
  removeProjectUser,
  setProjectRole,
} from "./api";
import { RoleSelect } from "./RoleSelect";

export function ProjectUsers({ place, write }: { place: Place; write: boolean }) {
  const { t } = useTranslation();
  const query = useQuery(projectUsersQuery(place));
  const client = useQueryClient();
  const dialog = useDialogParam("add-member");
  const [removing, setRemoving] = useState<ProjectUser | null>(null);
  const button = write && (
    <Button variant="outline" size="sm" onClick={() => dialog.show()}>
      <UserPlus aria-hidden />
      {t("projects.addMember")}
    </Button>
  );
  const columns: Column<ProjectUser>[] = [
    { id: "name", header: t("members.name"), cell: (user) => user.name, value: (user) => user.name },
    {
      id: "email",
      header: t("members.email"),
      cell: (user) => user.email ?? "–",
      value: (user) => user.email,
    },
    {
      id: "role",
      header: t("members.role"),
      cell: (user) => (
        <RoleSelect
          name={user.name}
          role={user.role}
          disabled={!write}
          change={(role) => setProjectRole(place, user.id, role)}
        />
      ),
      value: (user) => user.role,
    },
    {
      id: "added",
      header: t("members.added"),
      cell: (user) => <span title={formatTime(user.added_at)}>{formatDate(user.added_at)}</span>,
      nowrap: true,
      value: (user) => user.added_at,
      wideOnly: true,
    },
  ];
  return (
    <Section title={t("projects.members")} lead={t("projects.membersHint")} action={button}>
      <DataTable
        label={t("projects.members")}
        prefix="m."
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(user) => user.id}
        rowName={(user) => user.name}
        sort="name"
        {...(write && {
          actions: (user: ProjectUser) => (
            <MenuItem danger onSelect={() => setRemoving(user)}>
              <Trash2 aria-hidden />
              {t("members.remove")}
            </MenuItem>
          ),
        })}
        empty={<Empty icon={Users} title={t("projects.noMembers")} text={t("projects.noMembersHint")} />}
      />
      <Dialog open={dialog.open && write} onOpenChange={(open) => !open && dialog.close()}>
        <AddMember place={place} onDone={dialog.close} />
      </Dialog>
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={t("projects.removeTitle", { name: removing?.name ?? "" })}
        text={t("projects.removeText")}
        confirm={t("members.remove")}
        onConfirm={async () => {
          if (!removing) return;
          await removeProjectUser(place, removing.id);
          await client.invalidateQueries({ queryKey: ["projects", place.project] });
        }}
      />
    </Section>
  );
}

function AddMember({ place, onDone }: { place: Place; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<ProjectRole>("member");
  const add = useMutation({
    mutationFn: () => addUser(place, email.trim(), role),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["projects", place.project] });
      toast(t("projects.added"));
      onDone();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("projects.addMember")}</DialogTitle>
      <Form
        submit={t("projects.addMember")}
        cancel
        busy={add.isPending}
        error={add.error}
        errorTitle={t("projects.notAdded")}
        onSubmit={() => add.mutate()}
      >
        <TextField
          label={t("members.email")}
          hint={t("projects.addHint")}
          type="email"
          value={email}
          onChange={setEmail}
          autoComplete="off"
          required
        />
        <RadioField
          label={t("members.role")}
          value={role}
          options={(["member", "owner"] as const).map((value) => ({
            value,
            label: t(`projects.roles.${value}`),
            hint: t(`projects.roleHints.${value}`),
          }))}
          onChange={setRole}
        />
      </Form>
    </DialogContent>
  );
}

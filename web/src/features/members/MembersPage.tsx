import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { DoorOpen, Mail, Send, Trash2, UserPlus, Users } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Invite, User } from "@/api/types";
import { Badge, Status } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { MenuItem } from "@/components/ui/menu";
import { Select } from "@/components/ui/select";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatAgo, formatDate, formatTime } from "@/lib/format";
import { invitesQuery, removeUser, type Role, roles, setRole, takeBack, usersQuery } from "./api";
import { InviteDialog } from "./InviteDialog";
import { ResendDialog } from "./ResendDialog";

/** Who is in the organization, and who has been asked to join. */
export function MembersPage() {
  const { t } = useTranslation();
  const users = useQuery(usersQuery);
  const invites = useQuery(invitesQuery);
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const write = useMay("organization.write");
  const dialog = useDialogParam("invite");
  const leaving = useDialogParam("leave");
  const remove = useDialogParam("remove");
  const removing = users.data?.find((one) => one.id === remove.subject);
  const take = useDialogParam("take-back");
  const taking = invites.data?.find((one) => one.id === take.subject);
  const again = useDialogParam("resend");
  const resending = invites.data?.find((one) => one.id === again.subject);
  const me = session?.user.id;
  const inviteColumns = useInviteColumns();

  const button = (
    <Button onClick={() => dialog.show()}>
      <UserPlus aria-hidden />
      {t("members.invite")}
    </Button>
  );
  const columns: Column<User>[] = [
    {
      id: "name",
      header: t("members.name"),
      cell: (user) => (
        <>
          {user.name}
          {user.id === me && <Badge className="ml-2 align-middle">{t("members.you")}</Badge>}
        </>
      ),
      value: (user) => user.name,
    },
    {
      id: "email",
      header: t("members.email"),
      cell: (user) => user.email ?? "–",
      value: (user) => user.email,
    },
    {
      id: "role",
      header: t("members.role"),
      cell: (user) => <RoleSelect user={user} disabled={!write} />,
      value: (user) => roles.indexOf(user.role),
      text: (user) => t(`members.roles.${user.role}`),
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
  const pending = invites.data?.filter((invite) => invite.status !== "accepted");

  return (
    <Page
      title={t("members.title")}
      lead={t("members.lead", { organization: session?.organization.name ?? "" })}
      action={write && button}
    >
      <DataTable
        label={t("members.title")}
        columns={columns}
        rows={users.data}
        error={users.error}
        onRetry={() => void users.refetch()}
        rowKey={(user) => user.id}
        rowName={(user) => user.name}
        sort="role"
        search
        filters={[
          {
            id: "role",
            label: t("members.role"),
            options: roles.map((role) => ({ value: role, label: t(`members.roles.${role}`) })),
            matches: (user, role) => user.role === role,
          },
        ]}
        actions={(user) =>
          user.id === me ? (
            <MenuItem danger onSelect={() => leaving.show()}>
              <DoorOpen aria-hidden />
              {t("members.leave")}
            </MenuItem>
          ) : write ? (
            <MenuItem danger onSelect={() => remove.show(user.id)}>
              <Trash2 aria-hidden />
              {t("members.remove")}
            </MenuItem>
          ) : null
        }
        empty={<Empty icon={Users} title={t("members.empty")} />}
      />
      <Section title={t("members.invitations")} lead={t("members.invitationsHint")}>
        <DataTable
          label={t("members.invitations")}
          prefix="i."
          columns={inviteColumns}
          rows={pending}
          error={invites.error}
          onRetry={() => void invites.refetch()}
          rowKey={(invite) => invite.id}
          rowName={(invite) => invite.email}
          sort="-sent"
          {...(write && {
            actions: (invite: Invite) => (
              <>
                <MenuItem onSelect={() => again.show(invite.id)}>
                  <Send aria-hidden />
                  {t("members.resend")}
                </MenuItem>
                <MenuItem danger onSelect={() => take.show(invite.id)}>
                  <Trash2 aria-hidden />
                  {t("members.takeBack")}
                </MenuItem>
              </>
            ),
          })}
          empty={<Empty icon={Mail} title={t("members.noInvitations")} />}
        />
      </Section>
      <InviteDialog open={dialog.open && write} onClose={dialog.close} />
      <ResendDialog invite={write ? (resending ?? null) : null} onClose={again.close} />
      <Confirm
        open={removing !== undefined && write}
        onOpenChange={(open) => !open && remove.close()}
        title={t("members.removeTitle", { name: removing?.name ?? "" })}
        text={t("members.removeText")}
        confirm={t("members.remove")}
        onConfirm={async () => {
          if (!removing) return;
          await removeUser(removing.id);
          await client.invalidateQueries({ queryKey: ["members"] });
          toast(t("members.removed"));
        }}
      />
      <Confirm
        open={taking !== undefined && write}
        onOpenChange={(open) => !open && take.close()}
        title={t("members.takeBackTitle")}
        text={t("members.takeBackText", { email: taking?.email ?? "" })}
        confirm={t("members.takeBack")}
        onConfirm={async () => {
          if (!taking) return;
          await takeBack(taking.id);
          await client.invalidateQueries({ queryKey: ["members"] });
        }}
      />
    </Page>
  );
}

function useInviteColumns(): Column<Invite>[] {
  const { t } = useTranslation();
  return [
    {
      id: "email",
      header: t("members.email"),
      cell: (invite) => invite.email,
      value: (invite) => invite.email,
    },
    {
      id: "role",
      header: t("members.role"),
      cell: (invite) => t(`members.roles.${invite.role}`),
      value: (invite) => roles.indexOf(invite.role),
    },
    {
      id: "state",
      header: t("members.state"),
      cell: (invite) =>
        invite.status === "expired" ? (
          <Status tone="warning">{t("members.expired")}</Status>
        ) : (
          <Status tone="neutral">
            {t("members.pending", { when: formatAgo(invite.expires_at ?? invite.created_at) })}
          </Status>
        ),
      value: (invite) => invite.expires_at,
    },
    {
      id: "sent",
      header: t("members.sent"),
      cell: (invite) => <span title={formatTime(invite.created_at)}>{formatDate(invite.created_at)}</span>,
      nowrap: true,
      value: (invite) => invite.created_at,
      wideOnly: true,
    },
  ];
}

/** A member's role, changed where it stands. Only owners make and unmake owners: the others do not find the choice. */
function RoleSelect({ user, disabled }: { user: User; disabled: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const textOf = useErrorText();
  const own = useMay("organization.own");
  const change = useMutation({
    mutationFn: (role: Role) => setRole(user.id, role),
    onSuccess: () => toast(t("members.roleChanged", { name: user.name })),
    onError: (error) => toast(textOf(error), "danger"),
    onSettled: () => client.invalidateQueries({ queryKey: ["members"] }),
  });
  if (disabled || (user.role === "owner" && !own)) return t(`members.roles.${user.role}`);
  return (
    <Select
      aria-label={t("members.roleOf", { name: user.name })}
      className="w-32 text-sm [&>select]:h-8"
      value={change.isPending ? change.variables : user.role}
      disabled={change.isPending}
      onChange={(event) => change.mutate(event.target.value as Role)}
    >
      {roles
        .filter((role) => role !== "owner" || own)
        .map((role) => (
          <option key={role} value={role}>
            {t(`members.roles.${role}`)}
          </option>
        ))}
    </Select>
  );
}

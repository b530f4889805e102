import { useQuery } from "@tanstack/react-query";
import { FolderKanban, type LucideIcon, PencilLine, Send, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { keysQuery, nameOf } from "@/features/keys/api";
import { invitesQuery, usersQuery } from "@/features/members/api";
import { projectsQuery } from "@/features/projects/api";
import { sessionQuery } from "@/features/session/api";
import { may } from "@/features/session/may";
import type { App } from "@/lib/app";

/** What can be done to one row of a list of the console. It leads to the dialog there, which asks. */
export type RowAction = {
  id: string;
  label: string;
  icon: LucideIcon;
  perform: (app: App) => void;
};

/** What can be done to the rows of the lists that one may change: keys, members, invitations, projects. `on`: they are wanted now. */
export function useRowActions(on: boolean): RowAction[] {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const keep = on && may(session, "keys.write");
  const lead = on && may(session, "organization.write");
  const { data: keys = [] } = useQuery({ ...keysQuery, enabled: keep });
  const { data: users = [] } = useQuery({ ...usersQuery, enabled: lead });
  const { data: invites = [] } = useQuery({ ...invitesQuery, enabled: lead });
  const { data: projects = [] } = useQuery({ ...projectsQuery, enabled: lead });
  if (!on) return [];

  const to = (
    path: "/console/keys" | "/console/members" | "/console/projects",
    dialog: string,
    id: string,
  ) => ({
    id: `${dialog} ${id}`,
    perform: (app: App) => app.go.console(path, { dialog, subject: id }),
  });
  const ofKeys = keys.flatMap((key) => [
    {
      ...to("/console/keys", "edit", key.id),
      label: t("commands.rows.editKey", { name: nameOf(key) }),
      icon: PencilLine,
    },
    {
      ...to("/console/keys", "revoke", key.id),
      label: t("commands.rows.revokeKey", { name: nameOf(key) }),
      icon: Trash2,
    },
  ]);
  const ofMembers = users
    .filter((user) => user.id !== session?.user.id)
    .map((user) => ({
      ...to("/console/members", "remove", user.id),
      label: t("commands.rows.removeMember", { name: user.name }),
      icon: Trash2,
    }));
  const ofInvites = invites
    .filter((invite) => invite.status !== "accepted")
    .flatMap((invite) => [
      {
        ...to("/console/members", "resend", invite.id),
        label: t("commands.rows.resend", { name: invite.email }),
        icon: Send,
      },
      {
        ...to("/console/members", "take-back", invite.id),
        label: t("commands.rows.takeBack", { name: invite.email }),
        icon: Trash2,
      },
    ]);
  const ofProjects = projects
    .filter((project) => project.status === "active")
    .flatMap((project) => [
      {
        id: `project ${project.id}`,
        perform: (app: App) => app.go.console(`/console/projects/${project.id}`),
        label: t("commands.rows.openProject", { name: project.name }),
        icon: FolderKanban,
      },
      {
        ...to("/console/projects", "archive", project.id),
        label: t("commands.rows.archive", { name: project.name }),
        icon: Trash2,
      },
    ]);
  return [...ofKeys, ...ofMembers, ...ofInvites, ...ofProjects];
}

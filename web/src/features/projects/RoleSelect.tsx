import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useErrorText } from "@/components/console/states";
import { Select } from "@/components/ui/select";
import { toast } from "@/components/ui/toaster";
import type { ProjectRole } from "./api";

/** The role in a project of a user or a service account, changed where it stands. */
export function RoleSelect({
  name,
  role,
  disabled,
  change,
}: {
  name: string;
  role: ProjectRole;
  disabled: boolean;
  change: (role: ProjectRole) => Promise<unknown>;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const textOf = useErrorText();
  const save = useMutation({
    mutationFn: change,
    onSuccess: () => toast(t("members.roleChanged", { name })),
    onError: (error) => toast(textOf(error), "danger"),
    onSettled: () => client.invalidateQueries({ queryKey: ["projects"] }),
  });
  if (disabled) return t(`projects.roles.${role}`);
  return (
    <Select
      aria-label={t("members.roleOf", { name })}
      className="w-32 text-sm [&>select]:h-8"
      value={save.isPending ? save.variables : role}
      disabled={save.isPending}
      onChange={(event) => save.mutate(event.target.value as ProjectRole)}
    >
      {(["owner", "member"] as const).map((value) => (
        <option key={value} value={value}>
          {t(`projects.roles.${value}`)}
        </option>
      ))}
    </Select>
  );
}

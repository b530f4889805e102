import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ProjectKey } from "@/api/types";
import { Badge } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Section } from "@/components/console/Page";
import { Empty } from "@/components/console/states";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { timeColumns } from "@/features/keys/columns";
import { deleteProjectKey, type Place, projectKeysQuery } from "./api";

/** All keys of the project, whoever they belong to. */
export function ProjectKeys({ place, write }: { place: Place; write: boolean }) {
  const { t } = useTranslation();
  const query = useQuery(projectKeysQuery(place));
  const client = useQueryClient();
  const [revoking, setRevoking] = useState<ProjectKey | null>(null);
  const columns: Column<ProjectKey>[] = [
    {
      id: "name",
      header: t("keys.name"),
      cell: (key) => key.name || <span className="text-muted-foreground">{t("keys.noName")}</span>,
      value: (key) => key.name,
    },
    {
      id: "key",
      header: t("keys.key"),
      cell: (key) => <code className="font-mono text-xs whitespace-nowrap">{key.redacted_value}</code>,
      text: (key) => key.redacted_value,
    },
    {
      id: "owner",
      header: t("keys.owner"),
      cell: (key) => (
        <span className="flex flex-wrap items-center gap-1.5">
          {ownerOf(key)}
          {key.owner.type === "service_account" && <Badge>{t("projects.account")}</Badge>}
          {key.owner_project_access === "inactive" && <Badge tone="warning">{t("projects.inactive")}</Badge>}
        </span>
      ),
      value: ownerOf,
    },
    ...timeColumns<ProjectKey>(t),
  ];
  return (
    <Section title={t("projects.keys")} lead={t("projects.keysHint")}>
      <DataTable
        label={t("projects.keys")}
        prefix="k."
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(key) => key.id}
        rowName={(key) => key.name}
        sort="-created"
        {...(write && {
          actions: (key: ProjectKey) =>
            // A service account's key ends with its account.
            key.owner.type === "user" ? (
              <MenuItem danger onSelect={() => setRevoking(key)}>
                <Trash2 aria-hidden />
                {t("keys.revoke")}
              </MenuItem>
            ) : null,
        })}
        empty={<Empty icon={KeyRound} title={t("keys.empty")} />}
      />
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={t("keys.revokeTitle")}
        text={t("keys.revokeText", { name: revoking?.name ?? "" })}
        confirm={t("keys.revoke")}
        onConfirm={async () => {
          if (!revoking) return;
          await deleteProjectKey(place, revoking.id);
          await client.invalidateQueries({ queryKey: ["projects", place.project] });
          void client.invalidateQueries({ queryKey: ["keys"] });
          toast(t("keys.revoked"));
        }}
      />
    </Section>
  );
}

function ownerOf({ owner }: ProjectKey): string {
  return owner.user?.name ?? owner.service_account?.name ?? "";
}

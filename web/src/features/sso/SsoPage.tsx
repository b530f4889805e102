import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Plus, Trash2, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { CopySecret } from "@/components/console/CopySecret";
import { type Column, DataTable } from "@/components/console/DataTable";
import { CheckField } from "@/components/console/fields";
import { Card, Details, Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { MenuItem } from "@/components/ui/menu";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toaster";
import { roles } from "@/features/members/api";
import { projectsQuery } from "@/features/projects/api";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { deleteMapping, type Mapping, type OrganizationSSO, requireSSO, ssoKey, ssoQuery } from "./api";
import { MappingDialog } from "./MappingDialog";

/** Single sign-on in the organization: the provider, whether passwords still do, and what its groups may. */
export function SsoPage() {
  const { t } = useTranslation();
  const { data: sso, error, refetch } = useQuery(ssoQuery);
  const { data: session } = useQuery(sessionQuery);
  const write = useMay("organization.write");
  const dialog = useDialogParam("map-group");
  const edited = sso?.mappings.find((mapping) => mapping.id === dialog.subject);
  return (
    <Page
      title={t("sso.title")}
      lead={t("sso.lead", { organization: session?.organization.name ?? "" })}
      action={
        write && (
          <Button onClick={() => dialog.show()}>
            <Plus aria-hidden />
            {t("sso.map")}
          </Button>
        )
      }
    >
      <ErrorBox error={sso ? null : error} onRetry={() => void refetch()} />
      {sso ? (
        <>
          <Provider sso={sso} />
          {sso.enabled && <RequireField sso={sso} write={write} />}
          <Mappings sso={sso} write={write} onEdit={(mapping) => dialog.show(mapping.id)} />
        </>
      ) : (
        !error && <SkeletonLines lines={6} />
      )}
      <MappingDialog
        open={dialog.open && write && sso !== undefined}
        mapping={edited}
        onClose={dialog.close}
      />
    </Page>
  );
}

function Provider({ sso }: { sso: OrganizationSSO }) {
  const { t } = useTranslation();
  const operator = useMay("operator");
  if (sso.enabled) {
    return (
      <Details
        rows={[
          [t("sso.provider"), sso.name === "" ? sso.issuer : `${sso.name} (${sso.issuer})`],
          [t("sso.claim"), sso.groups_claim === "" ? t("sso.noClaim") : <code>{sso.groups_claim}</code>],
        ]}
      />
    );
  }
  if (!operator) return <Notice>{t("sso.off")}</Notice>;
  return (
    <Section title={t("sso.offTitle")} lead={t("sso.offText")}>
      <pre className="rounded-xl border bg-code px-4 py-3 font-mono text-sm [overflow-wrap:anywhere] whitespace-pre-wrap">
        {`base_url: ${window.location.origin}\nsso:\n  issuer: https://login.example.com\n  client_id: parley\n  client_secret: …\n  name: Example`}
      </pre>
      <CopySecret
        label={t("sso.callback")}
        value={sso.callback_url}
        once={false}
        hint={t("sso.callbackHint")}
      />
    </Section>
  );
}

function RequireField({ sso, write }: { sso: OrganizationSSO; write: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [asking, ask] = useState(false);
  const set = useMutation({
    mutationFn: requireSSO,
    onSuccess: (changed) => {
      client.setQueryData(ssoKey, changed);
      toast(changed.required ? t("sso.nowRequired") : t("sso.notRequired"));
    },
  });
  return (
    <>
      <ErrorBox error={asking ? null : set.error} />
      <Card>
        <CheckField
          label={t("sso.require")}
          hint={t("sso.requireHint")}
          checked={sso.required}
          disabled={!write || set.isPending}
          onChange={(on) => (on ? ask(true) : set.mutate(false))}
        />
      </Card>
      <Confirm
        open={asking}
        onOpenChange={ask}
        title={t("sso.requireTitle")}
        text={t("sso.requireText")}
        confirm={t("sso.requireConfirm")}
        danger={false}
        onConfirm={() => set.mutateAsync(true)}
      />
    </>
  );
}

function Mappings({
  sso,
  write,
  onEdit,
}: {
  sso: OrganizationSSO;
  write: boolean;
  onEdit: (mapping: Mapping) => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: projects = [] } = useQuery(projectsQuery);
  const own = useMay("organization.own");
  const [removing, setRemoving] = useState<Mapping | null>(null);
  const named = (id: string) => projects.find((project) => project.id === id)?.name ?? id;
  const placesOf = (mapping: Mapping) =>
    mapping.projects.length === 0
      ? t("members.defaultProject")
      : mapping.projects.map((place) => named(place.id)).join(", ");
  const columns: Column<Mapping>[] = [
    {
      id: "group",
      header: t("sso.group"),
      cell: (mapping) => <span className="[overflow-wrap:anywhere]">{mapping.group}</span>,
      value: (mapping) => mapping.group,
    },
    {
      id: "role",
      header: t("members.role"),
      cell: (mapping) => t(`members.roles.${mapping.role}`),
      value: (mapping) => roles.indexOf(mapping.role),
      text: (mapping) => t(`members.roles.${mapping.role}`),
    },
    { id: "projects", header: t("sso.projects"), cell: placesOf, value: placesOf },
  ];
  return (
    <Section title={t("sso.groups")} lead={t("sso.groupsHint")}>
      <DataTable
        label={t("sso.groups")}
        columns={columns}
        rows={sso.mappings}
        rowKey={(mapping) => mapping.id}
        rowName={(mapping) => mapping.group}
        sort="group"
        {...(write && {
          actions: (mapping: Mapping) =>
            mapping.role === "owner" && !own ? null : (
              <>
                <MenuItem onSelect={() => onEdit(mapping)}>
                  <Pencil aria-hidden />
                  {t("sso.edit")}
                </MenuItem>
                <MenuItem danger onSelect={() => setRemoving(mapping)}>
                  <Trash2 aria-hidden />
                  {t("sso.remove")}
                </MenuItem>
              </>
            ),
        })}
        empty={<Empty icon={Users} title={t("sso.none")} text={t("sso.noneText")} />}
      />
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={t("sso.removeTitle", { group: removing?.group ?? "" })}
        text={t("sso.removeText")}
        confirm={t("sso.remove")}
        onConfirm={async () => {
          if (removing) await deleteMapping(removing.id);
          await client.invalidateQueries({ queryKey: ssoKey });
        }}
      />
    </Section>
  );
}

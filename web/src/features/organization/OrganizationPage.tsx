import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, TextField } from "@/components/console/fields";
import { Card, Details, Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { accountQuery } from "@/features/account/api";
import { sessionKey } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatDate, formatNumber } from "@/lib/format";
import { DeleteDialog } from "./DeleteDialog";
import {
  deleteOrganization,
  type Organization,
  organizationKey,
  organizationQuery,
  renameOrganization,
} from "./api";

/** The organization as a whole: what it is called, and its end. */
export function OrganizationPage() {
  const { t } = useTranslation();
  const { data: organization, error, refetch } = useQuery(organizationQuery);
  return (
    <Page title={t("organization.title")} lead={t("organization.lead")}>
      <ErrorBox error={organization ? null : error} onRetry={() => void refetch()} />
      {organization ? (
        <Parts key={organization.id} organization={organization} />
      ) : (
        !error && <SkeletonLines lines={5} />
      )}
    </Page>
  );
}

function Parts({ organization }: { organization: Organization }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const write = useMay("organization.write");
  const [name, setName] = useState(organization.name);
  const rename = useMutation({
    mutationFn: () => renameOrganization(name.trim()),
    onSuccess: (changed) => {
      client.setQueryData(organizationKey, changed);
      void client.invalidateQueries({ queryKey: sessionKey });
      void client.invalidateQueries({ queryKey: ["memberships"] });
      setName(changed.name);
      toast(t("organization.renamed"));
    },
  });
  return (
    <>
      <Card>
        <Form
          onSubmit={() => rename.mutate()}
          busy={rename.isPending}
          error={rename.error}
          errorTitle={t("organization.notRenamed")}
          submit={t("organization.rename")}
          disabled={!write || name.trim() === "" || name.trim() === organization.name}
        >
          <TextField
            label={t("organization.name")}
            hint={t("organization.nameHint")}
            value={name}
            onChange={setName}
            maxLength={100}
            disabled={!write}
            autoComplete="off"
          />
        </Form>
      </Card>
      <Details
        rows={[
          [t("organization.id"), <code key="id">{organization.id}</code>],
          [t("organization.members"), formatNumber(organization.members)],
          [t("organization.since"), formatDate(organization.created_at)],
        ]}
      />
      <End organization={organization} />
    </>
  );
}

function End({ organization }: { organization: Organization }) {
  const { t } = useTranslation();
  const own = useMay("organization.own");
  const dialog = useDialogParam("delete-organization");
  const { data: account } = useQuery({ ...accountQuery, enabled: own });
  if (!own) return null;
  return (
    <Section title={t("organization.endTitle")} lead={t("organization.endText")}>
      <div>
        <Button variant="danger" onClick={() => dialog.show()}>
          {t("organization.delete")}
        </Button>
      </div>
      {account && (
        <DeleteDialog
          open={dialog.open}
          title={t("organization.deleteTitle", { organization: organization.name })}
          text={t("organization.deleteText")}
          submit={t("organization.delete")}
          phrase={organization.name}
          account={account}
          onClose={dialog.close}
          onDelete={(password) => deleteOrganization(organization.name, password)}
        />
      )}
    </Section>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Bot, KeyRound, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ServiceAccount } from "@/api/types";
import { Confirm } from "@/components/console/Confirm";
import { CopySecret } from "@/components/console/CopySecret";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, TextField } from "@/components/console/fields";
import { Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { formatDate, formatTime } from "@/lib/format";
import {
  accountsQuery,
  createAccount,
  createAccountKey,
  deleteAccount,
  type Place,
  setAccountRole,
} from "./api";
import { RoleSelect } from "./RoleSelect";

/** Accounts of programs: their keys stay when people leave. */
export function ProjectAccounts({ place, write }: { place: Place; write: boolean }) {
  const { t } = useTranslation();
  const query = useQuery(accountsQuery(place));
  const client = useQueryClient();
  const dialog = useDialogParam("new-account");
  const keyDialog = useDialogParam("new-account-key");
  const [deleting, setDeleting] = useState<ServiceAccount | null>(null);
  const keyed = query.data?.find((account) => account.id === keyDialog.subject);
  const button = write && (
    <Button variant="outline" size="sm" onClick={() => dialog.show()}>
      <Bot aria-hidden />
      {t("projects.addAccount")}
    </Button>
  );
  const columns: Column<ServiceAccount>[] = [
    {
      id: "name",
      header: t("projects.name"),
      cell: (account) => account.name,
      value: (account) => account.name,
    },
    {
      id: "role",
      header: t("members.role"),
      cell: (account) => (
        <RoleSelect
          name={account.name}
          role={account.role}
          disabled={!write}
          change={(role) => setAccountRole(place, account.id, role)}
        />
      ),
      value: (account) => account.role,
    },
    {
      id: "created",
      header: t("projects.created"),
      cell: (account) => <span title={formatTime(account.created_at)}>{formatDate(account.created_at)}</span>,
      nowrap: true,
      value: (account) => account.created_at,
    },
  ];
  return (
    <Section title={t("projects.accounts")} lead={t("projects.accountsHint")} action={button}>
      <DataTable
        label={t("projects.accounts")}
        prefix="a."
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(account) => account.id}
        rowName={(account) => account.name}
        sort="name"
        {...(write && {
          actions: (account: ServiceAccount) => (
            <>
              <MenuItem onSelect={() => keyDialog.show(account.id)}>
                <KeyRound aria-hidden />
                {t("projects.newKey")}
              </MenuItem>
              <MenuItem danger onSelect={() => setDeleting(account)}>
                <Trash2 aria-hidden />
                {t("projects.delete")}
              </MenuItem>
            </>
          ),
        })}
        empty={<Empty icon={Bot} title={t("projects.noAccounts")} />}
      />
      <Dialog open={dialog.open && write} onOpenChange={(open) => !open && dialog.close()}>
        <Make
          title={t("projects.addAccount")}
          place={place}
          make={async (name) => (await createAccount(place, name)).api_key?.value ?? ""}
        />
      </Dialog>
      <Dialog open={keyed !== undefined && write} onOpenChange={(open) => !open && keyDialog.close()}>
        {keyed && (
          <Make
            title={t("projects.newKeyOf", { name: keyed.name })}
            place={place}
            make={async (name) => (await createAccountKey(place, keyed.id, name)).value}
          />
        )}
      </Dialog>
      <Confirm
        open={deleting !== null}
        onOpenChange={(open) => !open && setDeleting(null)}
        title={t("projects.deleteTitle", { name: deleting?.name ?? "" })}
        text={t("projects.deleteText")}
        confirm={t("projects.delete")}
        onConfirm={async () => {
          if (!deleting) return;
          await deleteAccount(place, deleting.id);
          await client.invalidateQueries({ queryKey: ["projects", place.project] });
          toast(t("projects.deleted"));
        }}
      />
    </Section>
  );
}

/** Asks for a name, then shows the key. */
function Make({
  title,
  place,
  make,
}: {
  title: string;
  place: Place;
  make: (name: string) => Promise<string>;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => make(name.trim()),
    onSuccess: () => client.invalidateQueries({ queryKey: ["projects", place.project] }),
    gcTime: 0, // the secret lasts as long as the dialog
  });
  return (
    <DialogContent>
      <DialogTitle>{create.data === undefined ? title : t("keys.made")}</DialogTitle>
      {create.data === undefined ? (
        <Form
          submit={t("console.form.create")}
          cancel
          busy={create.isPending}
          error={create.error}
          errorTitle={t("projects.notMade")}
          onSubmit={() => create.mutate()}
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
      ) : (
        <>
          <p className="text-muted-foreground">{t("keys.madeHint")}</p>
          <CopySecret label={t("keys.secret")} value={create.data} />
          <div className="flex justify-end">
            <DialogClose asChild>
              <Button variant="outline">{t("keys.done")}</Button>
            </DialogClose>
          </div>
        </>
      )}
    </DialogContent>
  );
}

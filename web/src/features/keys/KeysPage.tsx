import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, PencilLine, Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Key } from "@/api/types";
import { Badge } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { CopySecret } from "@/components/console/CopySecret";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatDate, formatTime } from "@/lib/format";
import { createKey, keysKey, keysQuery, nameOf, revokeKey, updateKey } from "./api";
import { timeColumns } from "./columns";
import { KeyForm } from "./KeyForm";

/** The project's API keys. */
export function KeysPage() {
  const { t } = useTranslation();
  const query = useQuery(keysQuery);
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const write = useMay("keys.write");
  const create = useDialogParam("new");
  const edit = useDialogParam("edit");
  const revoke = useDialogParam("revoke");
  const columns = useColumns();
  const edited = query.data?.find((key) => key.id === edit.subject);
  const revoking = query.data?.find((key) => key.id === revoke.subject);

  const newKey = (
    <Button onClick={() => create.show()}>
      <Plus aria-hidden />
      {t("keys.create")}
    </Button>
  );
  return (
    <Page
      title={t("keys.title")}
      lead={t("keys.lead", { project: session?.project.name ?? "" })}
      action={write && newKey}
    >
      <DataTable
        label={t("keys.title")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(key) => key.id}
        rowName={nameOf}
        sort="-created"
        search
        filters={[
          {
            id: "permission",
            label: t("keys.permissions"),
            options: (["all", "restricted", "read_only"] as const).map((value) => ({
              value,
              label: t(`keys.permission.${value}`),
            })),
            matches: (key, value) => key.permission === value,
          },
        ]}
        {...(write && {
          actions: (key: Key) => (
            <>
              <MenuItem onSelect={() => edit.show(key.id)}>
                <PencilLine aria-hidden />
                {t("keys.edit")}
              </MenuItem>
              <MenuItem danger onSelect={() => revoke.show(key.id)}>
                <Trash2 aria-hidden />
                {t("keys.revoke")}
              </MenuItem>
            </>
          ),
        })}
        empty={
          <Empty
            icon={KeyRound}
            title={t("keys.empty")}
            text={t("keys.emptyHint")}
            action={write && newKey}
          />
        }
      />
      <Dialog open={create.open && write} onOpenChange={(open) => !open && create.close()}>
        <NewKey />
      </Dialog>
      <Dialog open={edited !== undefined && write} onOpenChange={(open) => !open && edit.close()}>
        {edited && <EditKey of={edited} onDone={edit.close} />}
      </Dialog>
      <Confirm
        open={revoking !== undefined && write}
        onOpenChange={(open) => !open && revoke.close()}
        title={t("keys.revokeTitle")}
        text={t("keys.revokeText", { name: revoking ? nameOf(revoking) : "" })}
        confirm={t("keys.revoke")}
        onConfirm={async () => {
          if (!revoking) return;
          await revokeKey(revoking.id);
          await client.invalidateQueries({ queryKey: keysKey });
          toast(t("keys.revoked"));
        }}
      />
    </Page>
  );
}

function useColumns(): Column<Key>[] {
  const { t } = useTranslation();
  return [
    {
      id: "name",
      header: t("keys.name"),
      cell: (key) => key.name || <span className="text-muted-foreground">{t("keys.noName")}</span>,
      value: (key) => key.name,
    },
    {
      id: "key",
      header: t("keys.key"),
      cell: (key) => <code className="font-mono text-xs whitespace-nowrap">{key.redacted}</code>,
      text: (key) => key.redacted,
    },
    {
      id: "permission",
      header: t("keys.permissions"),
      cell: (key) => (
        <span className="flex flex-wrap gap-1">
          <Badge>{t(`keys.permission.${key.permission}`)}</Badge>
          {key.models !== null && (
            <Badge>
              <span title={key.models.join(", ")}>{t("keys.modelCount", { count: key.models.length })}</span>
            </Badge>
          )}
          {key.track_usage && <Badge tone="good">{t("keys.tracked")}</Badge>}
        </span>
      ),
      text: (key) => `${key.scopes.join(" ")} ${key.models?.join(" ") ?? ""}`,
    },
    {
      id: "owner",
      header: t("keys.owner"),
      cell: (key) => ownerOf(key) || "–",
      value: ownerOf,
      wideOnly: true,
    },
    ...timeColumns<Key>(t),
    {
      id: "expires",
      header: t("keys.expires"),
      nowrap: true,
      cell: (key) =>
        key.expires_at === null ? (
          t("console.time.never")
        ) : key.expires_at * 1000 < Date.now() ? (
          <Badge tone="danger">{t("keys.expired")}</Badge>
        ) : (
          <span title={formatTime(key.expires_at)}>{formatDate(key.expires_at)}</span>
        ),
      value: (key) => key.expires_at,
    },
  ];
}

function ownerOf({ owner }: Key): string {
  return owner.user?.name ?? owner.service_account?.name ?? "";
}

/** The form, then the secret. */
function NewKey() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const create = useMutation({
    mutationFn: ({ form, project }: { form: Parameters<typeof createKey>[0]; project: string }) =>
      createKey(form, project, session?.organization.id ?? ""),
    onSuccess: () => client.invalidateQueries({ queryKey: keysKey }),
    // The secret lasts as long as the dialog.
    gcTime: 0,
  });
  const secret = create.data?.secret;
  return (
    <DialogContent className="max-w-lg">
      <DialogTitle>{secret === undefined ? t("keys.createTitle") : t("keys.made")}</DialogTitle>
      {secret === undefined ? (
        <KeyForm
          of={null}
          busy={create.isPending}
          error={create.error}
          onSubmit={(form, project) => create.mutate({ form, project })}
        />
      ) : (
        <>
          <p className="text-muted-foreground">{t("keys.madeHint")}</p>
          <CopySecret label={t("keys.secret")} value={secret} />
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

function EditKey({ of, onDone }: { of: Key; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const update = useMutation({
    mutationFn: (form: Parameters<typeof updateKey>[1]) => updateKey(of.id, form),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keysKey });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  return (
    <DialogContent className="max-w-lg">
      <DialogTitle>{t("keys.editTitle")}</DialogTitle>
      <p className="font-mono text-xs text-muted-foreground">{of.redacted}</p>
      <KeyForm
        of={of}
        busy={update.isPending}
        error={update.error}
        onSubmit={(form) => update.mutate(form)}
      />
    </DialogContent>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link2, Link2Off } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form } from "@/components/console/fields";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Section } from "@/components/console/Page";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toaster";
import { type Account, accountQuery, noProof } from "@/features/account/api";
import { lacksProof, ProofFields } from "@/features/account/ProofFields";
import { formatAgo, formatTime } from "@/lib/format";
import { identitiesQuery, type Identity, providerQuery, startLink, unlink } from "./api";
import { isFailure } from "./failures";

/** The identities that sign in to one's account; nothing where there is no provider. */
export function Identities() {
  const { t } = useTranslation();
  const { data: provider } = useQuery(providerQuery);
  const { data: account } = useQuery(accountQuery);
  const query = useQuery({ ...identitiesQuery, enabled: provider?.enabled === true });
  const [params] = useParamsState();
  const linking = useDialogParam("link-identity");
  const [removing, setRemoving] = useState<Identity | null>(null);
  if (!provider?.enabled || !account) return null;
  const name = (identity: Identity) => (identity.email === "" ? identity.issuer : identity.email);
  const columns: Column<Identity>[] = [
    { id: "email", header: t("account.email"), cell: name, value: name },
    {
      id: "issuer",
      header: t("sso.provider"),
      cell: (identity) => identity.issuer,
      value: (identity) => identity.issuer,
      wideOnly: true,
    },
    {
      id: "used",
      header: t("account.lastSeen"),
      nowrap: true,
      cell: (identity) => (
        <span title={formatTime(identity.last_used_at)}>{formatAgo(identity.last_used_at)}</span>
      ),
      value: (identity) => identity.last_used_at,
    },
  ];
  return (
    <Section
      title={t("sso.identities")}
      lead={t("sso.identitiesHint")}
      action={
        <Button variant="outline" size="sm" onClick={() => linking.show()}>
          {t("sso.link")}
        </Button>
      }
    >
      {isFailure(params.sso_error) && (
        <Notice tone="danger" role="alert">
          {t(`sso.failures.${params.sso_error}`)}
        </Notice>
      )}
      <DataTable
        label={t("sso.identities")}
        prefix="d."
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(identity) => identity.id}
        rowName={name}
        actions={(identity) => (
          <MenuItem danger onSelect={() => setRemoving(identity)}>
            <Link2Off aria-hidden />
            {t("sso.unlink")}
          </MenuItem>
        )}
        empty={<Empty icon={Link2} title={t("sso.noIdentities")} />}
      />
      <ProofDialog
        open={linking.open}
        title={t("sso.link")}
        text={t("sso.linkText")}
        submit={t("sso.goOn")}
        account={account}
        onClose={linking.close}
        onSubmit={async (password) => window.location.assign(await startLink(password))}
      />
      <ProofDialog
        open={removing !== null}
        title={t("sso.unlink")}
        text={t("sso.unlinkText")}
        submit={t("sso.unlink")}
        account={account}
        onClose={() => setRemoving(null)}
        onSubmit={async (password) => {
          if (removing) await unlink(removing.id, password);
          await query.refetch();
          toast(t("sso.unlinked"));
          setRemoving(null);
        }}
      />
    </Section>
  );
}

type ProofDialogProps = {
  open: boolean;
  title: string;
  text: string;
  submit: string;
  account: Account;
  onClose: () => void;
  onSubmit: (password: string) => Promise<void>;
};

/** Asks for what shows that the account is one's own, then does it. */
function ProofDialog(props: ProofDialogProps) {
  return (
    <Dialog open={props.open} onOpenChange={(shown) => !shown && props.onClose()}>
      <DialogContent>
        <DialogTitle>{props.title}</DialogTitle>
        <ProofForm {...props} />
      </DialogContent>
    </Dialog>
  );
}

function ProofForm({ text, submit, account, onSubmit }: ProofDialogProps) {
  const client = useQueryClient();
  const [proof, setProof] = useState(noProof);
  const act = useMutation({
    mutationFn: () => onSubmit(proof.current_password),
    onSettled: () => client.invalidateQueries({ queryKey: identitiesQuery.queryKey }),
  });
  return (
    <Form
      onSubmit={() => act.mutate()}
      busy={act.isPending}
      error={act.error}
      submit={submit}
      disabled={lacksProof(account, proof)}
      cancel
    >
      <p className="text-muted-foreground">{text}</p>
      <ProofFields account={account} value={proof} onChange={setProof} />
    </Form>
  );
}

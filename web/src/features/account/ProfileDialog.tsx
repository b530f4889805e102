import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, TextField } from "@/components/console/fields";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { sessionKey } from "@/features/session/api";
import { type Account, accountKey, noProof, updateAccount } from "./api";
import { lacksProof, ProofFields } from "./ProofFields";

export function ProfileDialog({
  account,
  open,
  onClose,
}: {
  account: Account;
  open: boolean;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onOpenChange={(shown) => !shown && onClose()}>
      <DialogContent>
        <DialogTitle>{t("account.editProfile")}</DialogTitle>
        <ProfileForm account={account} onClose={onClose} />
      </DialogContent>
    </Dialog>
  );
}

function ProfileForm({ account, onClose }: { account: Account; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState(account.name);
  const [email, setEmail] = useState(account.email);
  const [proof, setProof] = useState(noProof);
  const moved = email.trim().toLowerCase() !== account.email;
  const save = useMutation({
    mutationFn: () =>
      updateAccount({
        name,
        current_password: proof.current_password,
        ...(moved && { email: email.trim() }),
      }),
    onSuccess: (changed) => {
      client.setQueryData(accountKey, changed);
      void client.invalidateQueries({ queryKey: sessionKey });
      toast(changed.mail_sent ? t("account.mailSent", { email: email.trim() }) : t("account.saved"));
      onClose();
    },
  });
  return (
    <Form
      onSubmit={() => save.mutate()}
      busy={save.isPending}
      error={save.error}
      errorTitle={t("account.notSaved")}
      submit={t("console.form.save")}
      disabled={name.trim() === "" || (moved && lacksProof(account, proof))}
      cancel
    >
      <TextField
        label={t("account.name")}
        value={name}
        onChange={setName}
        maxLength={100}
        autoComplete="name"
      />
      <TextField
        label={t("account.email")}
        hint={account.mail ? t("account.emailMail") : t("account.emailHint")}
        type="email"
        value={email}
        onChange={setEmail}
        autoComplete="email"
      />
      {moved && <ProofFields account={account} value={proof} onChange={setProof} />}
    </Form>
  );
}

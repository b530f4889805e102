import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form } from "@/components/console/fields";
import { PasswordField } from "@/components/console/PasswordField";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { type Account, accountKey, noProof, setPassword } from "./api";
import { lacksProof, ProofFields } from "./ProofFields";

/** Fewer characters than this the server refuses. */
const minimum = 12;

export function PasswordDialog({
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
        <DialogTitle>
          {account.password_set_at === null ? t("account.setPassword") : t("account.changePassword")}
        </DialogTitle>
        <PasswordForm account={account} onClose={onClose} />
      </DialogContent>
    </Dialog>
  );
}

function PasswordForm({ account, onClose }: { account: Account; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [password, change] = useState("");
  const [proof, setProof] = useState(noProof);
  const save = useMutation({
    mutationFn: () => setPassword(password, proof.current_password),
    onSuccess: (changed) => {
      client.setQueryData(accountKey, changed);
      void client.invalidateQueries({ queryKey: ["account", "sessions"] });
      toast(t("account.passwordSet"));
      onClose();
    },
  });
  return (
    <Form
      onSubmit={() => save.mutate()}
      busy={save.isPending}
      error={save.error}
      errorTitle={t("account.passwordNotSet")}
      submit={t("account.setPassword")}
      disabled={Array.from(password).length < minimum || lacksProof(account, proof)}
      cancel
    >
      {/* Password managers file a password under this. */}
      <input type="text" name="username" autoComplete="username" value={account.email} readOnly hidden />
      <ProofFields account={account} value={proof} onChange={setProof} />
      <PasswordField
        label={t("account.newPassword")}
        hint={t("account.passwordHint", { count: minimum })}
        value={password}
        onChange={change}
        autoComplete="new-password"
      />
      <p className="text-sm text-muted-foreground">{t("account.othersEnd")}</p>
    </Form>
  );
}

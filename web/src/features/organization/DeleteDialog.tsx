import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { actAs } from "@/api/acting";
import { TextField } from "@/components/console/fields";
import { ErrorBox } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { type Account, noProof } from "@/features/account/api";
import { lacksProof, ProofFields } from "@/features/account/ProofFields";
import { forgetDrafts } from "@/lib/drafts";
import type { Deletion } from "./api";

type DeleteDialogProps = {
  open: boolean;
  title: string;
  text: string;
  submit: string;
  /** What must be typed: the name of what goes. */
  phrase: string;
  account: Account;
  onClose: () => void;
  onDelete: (password: string) => Promise<Deletion>;
};

/** Deletes for good what is typed, once the account is shown to be one's own; then shows how far it is, signed out. */
export function DeleteDialog(props: DeleteDialogProps) {
  return (
    <Dialog open={props.open} onOpenChange={(shown) => !shown && props.onClose()}>
      <DialogContent>
        <DialogTitle>{props.title}</DialogTitle>
        <Body {...props} />
      </DialogContent>
    </Dialog>
  );
}

function Body({ title, text, submit, phrase, account, onDelete }: DeleteDialogProps) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [proof, setProof] = useState(noProof);
  const go = useMutation({
    mutationFn: () => onDelete(proof.current_password),
    onSuccess: (deletion) => {
      actAs(null);
      forgetDrafts();
      // Whole, so that nothing of what was shown stays in memory.
      window.location.assign(`/deleted/${deletion.id}`);
    },
  });
  const ready = typed.trim() === phrase && !lacksProof(account, proof);
  return (
    <form
      className="grid gap-4 *:min-w-0"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !go.isPending) go.mutate();
      }}
    >
      <p className="text-muted-foreground">{text}</p>
      <TextField
        label={t("console.confirm.type", { phrase })}
        value={typed}
        onChange={setTyped}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <ProofFields account={account} value={proof} onChange={setProof} />
      <ErrorBox error={go.error} title={title} />
      <div className="flex justify-end gap-2">
        <DialogClose asChild>
          <Button variant="outline">{t("app.cancel")}</Button>
        </DialogClose>
        <Button type="submit" variant="danger" disabled={!ready || go.isPending}>
          {submit}
        </Button>
      </div>
    </form>
  );
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Copy, Download } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, TextField } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toaster";
import { sessionKey } from "@/features/session/api";
import { copyText } from "@/lib/clipboard";
import {
  type Account,
  accountKey,
  confirmFactor,
  enrol,
  type Enrolment,
  newRecoveryCodes,
  noProof,
  removeFactor,
} from "./api";
import { lacksProof, ProofFields } from "./ProofFields";

type FactorDialogProps = { account: Account; open: boolean; onClose: () => void };

/** Sets a second factor up: who one is, the picture for the app, a code of it, and the recovery codes. */
export function EnrolDialog({ account, open, onClose }: FactorDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onOpenChange={(shown) => !shown && onClose()}>
      <DialogContent>
        <DialogTitle>{t("account.setUp")}</DialogTitle>
        <EnrolSteps account={account} />
      </DialogContent>
    </Dialog>
  );
}

function useChanged() {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: accountKey });
    // What the organization held back may be there now.
    void client.invalidateQueries({ queryKey: sessionKey });
  };
}

function EnrolSteps({ account }: { account: Account }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [proof, setProof] = useState(noProof);
  const [code, setCode] = useState("");
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const begin = useMutation({ mutationFn: () => enrol(proof), onSuccess: setEnrolment });
  const confirm = useMutation({ mutationFn: () => confirmFactor(code), onSuccess: changed });

  if (confirm.data) return <Codes codes={confirm.data} title={t("account.factorOn")} />;
  if (enrolment) {
    return (
      <Form
        onSubmit={() => confirm.mutate()}
        busy={confirm.isPending}
        error={confirm.error}
        errorTitle={t("account.notConfirmed")}
        submit={t("account.turnOn")}
        disabled={code.trim() === ""}
        cancel
      >
        <p>{t("account.scan")}</p>
        {/* White around it, in the dark too: cameras want it so. */}
        <img
          src={enrolment.qr}
          alt={t("account.qr")}
          width={200}
          height={200}
          className="justify-self-center rounded-lg bg-white p-2 [image-rendering:pixelated]"
        />
        <Secret value={enrolment.secret} />
        <TextField
          label={t("session.code")}
          hint={t("account.codeHint")}
          value={code}
          onChange={setCode}
          autoComplete="one-time-code"
          inputMode="numeric"
        />
      </Form>
    );
  }
  return (
    <Form
      onSubmit={() => begin.mutate()}
      busy={begin.isPending}
      error={begin.error}
      submit={t("account.continue")}
      disabled={lacksProof(account, proof)}
      cancel
    >
      <p>{t("account.setUpLead")}</p>
      <ProofFields account={account} value={proof} onChange={setProof} code />
    </Form>
  );
}

/** The secret in groups, all of it in sight: it may have to be typed. */
function Secret({ value }: { value: string }) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <div className="grid gap-1.5" role="group" aria-labelledby={id}>
      <p id={id} className="text-sm font-medium">
        {t("account.secret")}
      </p>
      <div className="flex items-center gap-2 rounded-xl border bg-code py-2 pr-2 pl-4">
        <code className="min-w-0 grow font-mono text-sm [overflow-wrap:anywhere]">{value}</code>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label={t("console.secret.copy")}
          onClick={() =>
            void copyText(value).then((done) =>
              done ? toast(t("console.secret.copied")) : toast(t("chat.copyFailed"), "danger"),
            )
          }
        >
          <Copy />
        </Button>
      </div>
      <p className="text-sm text-muted-foreground">{t("account.secretHint")}</p>
    </div>
  );
}

/** New recovery codes in place of the old ones. */
export function RecoveryDialog({ account, open, onClose }: FactorDialogProps) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [proof, setProof] = useState(noProof);
  const make = useMutation({ mutationFn: () => newRecoveryCodes(proof), onSuccess: changed });
  return (
    <Dialog
      open={open}
      onOpenChange={(shown) => {
        if (shown) return;
        make.reset();
        setProof(noProof);
        onClose();
      }}
    >
      <DialogContent>
        <DialogTitle>{t("account.newCodes")}</DialogTitle>
        {make.data ? (
          <Codes codes={make.data} title={t("account.codesMade")} />
        ) : (
          <Form
            onSubmit={() => make.mutate()}
            busy={make.isPending}
            error={make.error}
            submit={t("account.newCodes")}
            cancel
          >
            <p>{t("account.newCodesLead")}</p>
            <ProofFields account={account} value={proof} onChange={setProof} code />
          </Form>
        )}
      </DialogContent>
    </Dialog>
  );
}

export function RemoveDialog({ account, open, onClose }: FactorDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [proof, setProof] = useState(noProof);
  const remove = useMutation({
    mutationFn: () => removeFactor(proof),
    onSuccess: (changed) => {
      client.setQueryData(accountKey, changed);
      void client.invalidateQueries({ queryKey: ["account", "sessions"] });
      toast(t("account.factorIsOff"));
      onClose();
    },
  });
  return (
    <Dialog open={open} onOpenChange={(shown) => !shown && onClose()}>
      <DialogContent>
        <DialogTitle>{t("account.turnOff")}</DialogTitle>
        <Form
          onSubmit={() => remove.mutate()}
          busy={remove.isPending}
          error={remove.error}
          errorTitle={t("account.stillOn")}
          submit={t("account.turnOff")}
          cancel
        >
          <p>{t("account.turnOffLead")}</p>
          <ProofFields account={account} value={proof} onChange={setProof} code />
        </Form>
      </DialogContent>
    </Dialog>
  );
}

/** The recovery codes, this once. */
function Codes({ codes, title }: { codes: string[]; title: string }) {
  const { t } = useTranslation();
  const text = codes.join("\n");
  return (
    <div className="grid gap-4 *:min-w-0">
      <Notice role="status">{title}</Notice>
      <p>{t("account.codesLead")}</p>
      <ul
        aria-label={t("account.codes")}
        className="grid grid-cols-1 gap-x-6 gap-y-1 rounded-xl border bg-code px-4 py-3 font-mono text-sm min-[24rem]:grid-cols-2"
      >
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="flex flex-wrap justify-end gap-2">
        <Button variant="outline" asChild>
          <a
            href={`data:text/plain;charset=utf-8,${encodeURIComponent(`${text}\n`)}`}
            download="parley-recovery-codes.txt"
          >
            <Download aria-hidden />
            {t("account.download")}
          </a>
        </Button>
        <DialogClose asChild>
          <Button>{t("account.kept")}</Button>
        </DialogClose>
      </div>
    </div>
  );
}

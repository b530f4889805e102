import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, TextField } from "@/components/console/fields";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { billingKey, giveCredit } from "./api";
import { amountOf } from "./month";

const midnight = (day: string) => Date.parse(`${day}T00:00:00Z`) / 1000;

/** Gives an organization credit: what stands in a dialog of the operator's. */
export function CreditForm({
  organization,
  name,
  onDone,
}: {
  organization: string;
  name: string;
  onDone: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const value = amountOf(amount);
  const give = useMutation({
    mutationFn: () =>
      giveCredit(organization, {
        amount_usd: value ?? 0,
        reason: reason.trim(),
        ...(from !== "" && { effective_at: midnight(from) }),
        ...(until !== "" && { expires_at: midnight(until) }),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: billingKey });
      toast(t("billing.creditGiven"));
      onDone();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("billing.giveCreditTo", { name })}</DialogTitle>
      <Form
        submit={t("billing.giveCredit")}
        cancel
        busy={give.isPending}
        error={give.error}
        errorTitle={t("billing.creditNotGiven")}
        disabled={value === null || Number.isNaN(value) || value === 0}
        onSubmit={() => give.mutate()}
      >
        <TextField
          label={t("billing.amountLabel")}
          inputMode="decimal"
          autoComplete="off"
          required
          value={amount}
          error={Number.isNaN(value) ? t("billing.noAmount") : undefined}
          onChange={setAmount}
        />
        <TextField
          label={t("billing.reason")}
          hint={t("billing.reasonHint")}
          optional
          value={reason}
          onChange={setReason}
          maxLength={200}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label={t("billing.begins")}
            hint={t("billing.beginsHint")}
            optional
            type="date"
            value={from}
            onChange={setFrom}
          />
          <TextField
            label={t("billing.ends")}
            hint={t("billing.endsHint")}
            optional
            type="date"
            value={until}
            onChange={setUntil}
          />
        </div>
      </Form>
    </DialogContent>
  );
}

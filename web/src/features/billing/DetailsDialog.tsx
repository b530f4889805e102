import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, TextAreaField, TextField } from "@/components/console/fields";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { type Billing, billingKey, setDetails } from "./api";

type DetailsDialogProps = { open: boolean; billing: Billing | undefined; onClose: () => void };

/** Who is told when limits are reached, and what stands on invoices. */
export function DetailsDialog({ open, billing, onClose }: DetailsDialogProps) {
  return (
    <Dialog open={open && billing !== undefined} onOpenChange={(next) => !next && onClose()}>
      {billing && <Body billing={billing} onClose={onClose} />}
    </Dialog>
  );
}

function Body({ billing, onClose }: { billing: Billing; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [contacts, setContacts] = useState(billing.contacts.join("\n"));
  const [name, setName] = useState(billing.invoice_name);
  const [address, setAddress] = useState(billing.invoice_address);
  const save = useMutation({
    mutationFn: () =>
      setDetails({
        contacts: contacts.split(/[\s,;]+/).filter((contact) => contact !== ""),
        invoice_name: name.trim(),
        invoice_address: address.trim(),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: billingKey });
      toast(t("console.form.saved"));
      onClose();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("billing.editDetails")}</DialogTitle>
      <Form
        submit={t("console.form.save")}
        cancel
        busy={save.isPending}
        error={save.error}
        errorTitle={t("billing.detailsNotSaved")}
        onSubmit={() => save.mutate()}
      >
        <TextAreaField
          label={t("billing.contacts")}
          hint={t("billing.contactsHint")}
          optional
          rows={3}
          value={contacts}
          onChange={setContacts}
        />
        <TextField
          label={t("billing.invoiceName")}
          hint={t("billing.invoiceNameHint")}
          optional
          value={name}
          onChange={setName}
          autoComplete="organization"
        />
        <TextAreaField
          label={t("billing.invoiceAddress")}
          optional
          rows={4}
          value={address}
          onChange={setAddress}
          autoComplete="street-address"
        />
      </Form>
    </DialogContent>
  );
}

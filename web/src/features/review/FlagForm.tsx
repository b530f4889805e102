import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, TextAreaField, TextField } from "@/components/console/fields";
import { toast } from "@/components/ui/toaster";
import { flag, reviewKey } from "./api";

/** Puts a kept request into the reviewers' queue. */
export function FlagForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [request, setRequest] = useState("");
  const [reason, setReason] = useState("");
  const send = useMutation({
    mutationFn: () => flag(request.trim(), reason.trim()),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: reviewKey });
      toast(t("review.flagged"));
      onDone();
    },
  });
  return (
    <Form
      submit={t("review.flagSubmit")}
      cancel
      busy={send.isPending}
      disabled={request.trim() === "" || reason.trim() === ""}
      error={send.error}
      errorTitle={t("review.flagFailed")}
      onSubmit={() => send.mutate()}
    >
      <TextField
        label={t("review.requestId")}
        hint={t("review.requestIdHint")}
        autoComplete="off"
        value={request}
        onChange={setRequest}
      />
      <TextAreaField label={t("review.reason")} maxLength={2000} value={reason} onChange={setReason} />
    </Form>
  );
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { Form, RadioField, TextField } from "@/components/console/fields";
import { toast } from "@/components/ui/toaster";
import { useMay } from "@/features/session/may";
import { type Retention, retentionKey, setRetention } from "./api";

const most = 365;

type Choice = "installation" | "days" | "nothing";

/** How long bodies are kept. Less than now deletes what is older, which is asked first. */
export function RetentionForm({ of }: { of: Retention }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const write = useMay("retention.write");
  const own = of.organization_days;
  const [choice, setChoice] = useState<Choice>(
    own === null ? "installation" : own === 0 ? "nothing" : "days",
  );
  const [text, setText] = useState(String(own === null || own === 0 ? 30 : own));
  const [asking, ask] = useState(false);
  const typed = Number(text);
  const valid = choice !== "days" || (Number.isInteger(typed) && typed >= 1 && typed <= most);
  const days = choice === "installation" ? null : choice === "nothing" ? 0 : typed;
  const next = days ?? of.default_days;
  const save = useMutation({
    mutationFn: () => setRetention({ days, share_for_training: of.share_for_training && next > 0 }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: retentionKey });
      toast(t("console.form.saved"));
    },
  });
  return (
    <>
      <Form
        submit={t("console.form.save")}
        busy={save.isPending}
        disabled={!write || !valid || days === own}
        error={asking ? null : save.error}
        onSubmit={() => {
          if (next < of.days && of.stored.requests > 0) ask(true);
          else save.mutate();
        }}
      >
        <RadioField
          label={t("retention.keep")}
          value={choice}
          onChange={setChoice}
          options={[
            { value: "installation", label: t("retention.asInstallation", { count: of.default_days }) },
            { value: "days", label: t("retention.ownDays") },
            { value: "nothing", label: t("retention.nothing"), hint: t("retention.nothingHint") },
          ]}
        />
        {choice === "days" && (
          <TextField
            label={t("retention.days")}
            inputMode="numeric"
            className="max-w-40"
            value={text}
            onChange={setText}
            error={valid ? undefined : t("retention.daysError", { most })}
          />
        )}
        {!write && <p className="text-sm text-muted-foreground">{t("retention.ownersOnly")}</p>}
      </Form>
      <Confirm
        open={asking}
        onOpenChange={ask}
        title={t("retention.shorterTitle")}
        text={next === 0 ? t("retention.shorterNothing") : t("retention.shorterText", { count: next })}
        confirm={t("retention.shorterConfirm")}
        onConfirm={() => save.mutateAsync()}
      />
    </>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CheckField, Form, RadioField, TextField } from "@/components/console/fields";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { formatBytes } from "@/lib/format";
import { catalogueKey, managedQuery, offersQuery, startPull } from "./api";

const layouts = ["lossless", "fast", "as-is"] as const;

/** Says what to pull; the progress is then on the page, also after it was left. */
export function PullForm({ subject, onDone }: { subject: string; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const offers = useQuery(offersQuery).data;
  const machine = useQuery(managedQuery).data;
  const [model, setModel] = useState(subject);
  const [name, setName] = useState("");
  const [layout, setLayout] = useState<(typeof layouts)[number]>("lossless");
  const [answers, setAnswers] = useState(false);
  const offer = offers?.find((o) => o.name === model.trim());
  const start = useMutation({
    mutationFn: () => startPull({ model: model.trim(), name, layout, default: answers }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: catalogueKey });
      onDone();
    },
  });
  return (
    <DialogContent className="max-w-lg">
      <DialogTitle>{t("catalogue.pullTitle")}</DialogTitle>
      <Form
        onSubmit={() => start.mutate()}
        busy={start.isPending}
        error={start.error}
        errorTitle={t("catalogue.notStarted")}
        submit={t("catalogue.pull")}
        disabled={model.trim() === ""}
        cancel
      >
        <TextField
          label={t("catalogue.model")}
          hint={t("catalogue.pullHint")}
          value={model}
          onChange={setModel}
          list="catalogue-names"
          autoComplete="off"
          spellCheck={false}
          maxLength={2000}
        />
        <datalist id="catalogue-names">
          {offers?.map((o) => (
            <option key={o.name} value={o.name}>
              {o.title}
            </option>
          ))}
        </datalist>
        {offer?.fits === false && (
          <Notice tone="warning">
            {t("catalogue.tooBig", {
              needs: formatBytes(offer.memory_bytes ?? 0),
              has: formatBytes(machine?.machine_memory_bytes ?? 0),
            })}
          </Notice>
        )}
        {offer?.gated === true && <Notice tone="warning">{t("catalogue.gated")}</Notice>}
        {offer?.kind !== "library" && (
          <>
            <TextField
              label={t("catalogue.servedName")}
              hint={t("catalogue.servedNameHint")}
              value={name}
              onChange={setName}
              autoComplete="off"
              maxLength={200}
              optional
            />
            <RadioField
              label={t("catalogue.layout")}
              value={layout}
              onChange={setLayout}
              options={layouts.map((value) => ({
                value,
                label: t(`catalogue.layouts.${value}`),
                hint: t(`catalogue.layoutHints.${value}`),
              }))}
            />
            <CheckField
              label={t("catalogue.answers")}
              hint={t("catalogue.answersHint")}
              checked={answers}
              onChange={setAnswers}
            />
          </>
        )}
      </Form>
    </DialogContent>
  );
}

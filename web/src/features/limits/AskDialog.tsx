import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, SelectField, TextAreaField } from "@/components/console/fields";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { Chart } from "@/components/console/Chart";
import { sessionQuery } from "@/features/session/api";
import { sumsQuery } from "@/features/usage/api";
import { readPeriod } from "@/features/usage/period";
import { seriesOfFigures } from "@/features/usage/series";
import { bucketsOf } from "@/features/usage/time";
import { formatCompact, formatNumber } from "@/lib/format";
import { ask, type Figure, figures, limitsKey, modelsQuery, readFigures } from "./api";
import { FigureFields } from "./parts";

const whoms = ["organization", "project", "user"] as const;

/** Asks for higher limits. What was used is added by the server; the chart shows what that will be about. */
export function AskDialog({ model: first, onDone }: { model: string; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const [whom, setWhom] = useState<(typeof whoms)[number]>("organization");
  const id = { organization: "", project: session?.project.id ?? "", user: session?.user.id ?? "" }[whom];
  const models = useQuery({ ...modelsQuery(whom, id), enabled: session !== undefined });
  const limited = models.data?.filter((m) => figures.some((figure) => m[figure] > 0)) ?? [];
  const [model, setModel] = useState(first);
  const shown = limited.find((m) => m.model === model) ?? limited[0];
  const [texts, setTexts] = useState<Partial<Record<Figure, string>>>({});
  const [reason, setReason] = useState("");
  const values = readFigures(texts);
  const request = useMutation({
    mutationFn: ask,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: [...limitsKey, "requests"] });
      toast(t("limits.asked"));
      onDone();
    },
  });
  const raised = shown ? figures.filter((figure) => shown[figure] > 0) : [];
  return (
    <DialogContent className="max-w-xl">
      <DialogTitle>{t("limits.ask")}</DialogTitle>
      {models.isSuccess && limited.length === 0 ? (
        <p className="text-muted-foreground">{t(`limits.noLimits.${whom}`)}</p>
      ) : null}
      <Form
        cancel
        submit={t("limits.send")}
        busy={request.isPending}
        error={request.error}
        errorTitle={t("limits.notAsked")}
        disabled={!shown || values === null || Object.keys(values).length === 0 || reason.trim() === ""}
        onSubmit={() => {
          if (!shown || values === null) return;
          request.mutate({
            subject: whom,
            ...(whom !== "organization" && { subject_id: id }),
            model: shown.model,
            reason,
            wanted: values,
          });
        }}
      >
        <div className="grid gap-3 sm:grid-cols-2">
          <SelectField
            label={t("limits.model")}
            value={shown?.model ?? ""}
            onChange={setModel}
            options={limited.map((m) => ({ value: m.model, label: m.model }))}
          />
          <SelectField
            label={t("limits.whose")}
            value={whom}
            onChange={setWhom}
            options={whoms.map((value) => ({ value, label: t(`limits.whom.${value}`) }))}
          />
        </div>
        <FigureFields
          only={raised}
          values={texts}
          onChange={setTexts}
          hint={(figure) => t("limits.inForce", { n: formatNumber(shown?.[figure] ?? 0) })}
        />
        {values === null && (
          <p role="alert" className="text-sm text-danger">
            {t("limits.notNumber")}
          </p>
        )}
        <TextAreaField
          label={t("limits.reason")}
          hint={t("limits.reasonHint")}
          value={reason}
          onChange={setReason}
          maxLength={4000}
          rows={3}
        />
        {shown && <Preview model={shown.model} />}
      </Form>
    </DialogContent>
  );
}

/** This month's requests of the model: the reader's own view of what the server will add. */
function Preview({ model }: { model: string }) {
  const { t } = useTranslation();
  const period = readPeriod(undefined);
  const sums = useQuery(sumsQuery(period, { model }, null));
  const series = seriesOfFigures(sums.data ?? [], period.buckets, [
    { id: "requests", label: t("limits.requestsOf", { model }), of: (s) => s.requests },
  ]);
  return (
    <div className="grid gap-1.5 *:min-w-0">
      <p className="text-sm font-medium">{t("limits.evidence")}</p>
      <p className="text-sm text-muted-foreground">{t("limits.evidenceHint")}</p>
      <Chart
        label={t("limits.requestsOf", { model })}
        kind="bars"
        height={110}
        buckets={bucketsOf(period)}
        series={series}
        loading={sums.isPending}
        format={formatNumber}
        formatTick={formatCompact}
        whole
        empty={t("limits.noUse")}
      />
    </div>
  );
}

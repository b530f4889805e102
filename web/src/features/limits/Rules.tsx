import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { PencilLine, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, SelectField, TextField } from "@/components/console/fields";
import { Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { formatDate, formatNumber } from "@/lib/format";
import {
  deleteRule,
  type Figure,
  figures,
  type Limit,
  limitsKey,
  readFigures,
  rulesQuery,
  setRule,
  type Side,
  type Subject,
} from "./api";
import { asTexts, FigureFields, figuresOf, useSubjectText } from "./parts";

/** The limits that were set, of the organization or (operator) of all, and their editor. */
export function Rules({ side, editable }: { side: Side; editable: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const subject = useSubjectText(side);
  const { data: session } = useQuery(sessionQuery);
  const rules = useQuery(rulesQuery(side));
  const edit = useDialogParam("limit");
  const [gone, setGone] = useState<Limit | null>(null);
  const edited = rules.data?.find((r) => r.id === edit.subject) ?? null;
  // What the organization as a whole may ask for is the operator's to set.
  const mayEdit = (r: Limit) =>
    editable && (side === "operator" || r.subject !== "organization" || session?.operator === true);
  const columns: Column<Limit>[] = [
    {
      id: "of",
      header: t("limits.whose"),
      value: subject,
      cell: (r) => <span className="[overflow-wrap:anywhere]">{subject(r)}</span>,
    },
    {
      id: "model",
      header: t("limits.model"),
      value: (r) => r.model,
      cell: (r) => <span className="[overflow-wrap:anywhere]">{r.model || t("limits.eachModel")}</span>,
    },
    ...figures.map((figure): Column<Limit> => ({
      id: figure,
      header: t(`limits.fields.${figure}`),
      value: (r) => r[figure] ?? -1,
      text: () => "",
      cell: (r) => <FigureCell n={r[figure]} />,
      align: "end",
    })),
    {
      id: "set",
      header: t("limits.set"),
      value: (r) => r.updated_at,
      cell: (r) => formatDate(r.updated_at),
      nowrap: true,
      wideOnly: true,
    },
  ];
  const add = editable && (
    <Button variant="outline" size="sm" onClick={() => edit.show()}>
      <Plus aria-hidden />
      {t("limits.add")}
    </Button>
  );
  return (
    <Section title={t(`limits.rules.${side}`)} lead={t(`limits.rulesHint.${side}`)} action={add}>
      <DataTable
        prefix="l."
        label={t(`limits.rules.${side}`)}
        columns={columns}
        rows={rules.data}
        rowKey={(r) => r.id}
        rowName={(r) => `${subject(r)} ${r.model}`}
        sort="of"
        search
        error={rules.error}
        onRetry={() => void rules.refetch()}
        empty={<Empty title={t("limits.noRules")} text={t("limits.noRulesHint")} />}
        {...(editable && {
          actions: (r: Limit) =>
            mayEdit(r) ? (
              <>
                <MenuItem onSelect={() => edit.show(r.id)}>
                  <PencilLine aria-hidden />
                  {t("limits.edit")}
                </MenuItem>
                <MenuItem danger onSelect={() => setGone(r)}>
                  <Trash2 aria-hidden />
                  {t("limits.remove")}
                </MenuItem>
              </>
            ) : null,
        })}
      />
      <Dialog open={edit.open && editable} onOpenChange={(open) => !open && edit.close()}>
        {edit.open && (edit.subject === undefined || edited !== null) && (
          <RuleForm side={side} of={edited} operator={session?.operator === true} onDone={edit.close} />
        )}
      </Dialog>
      <Confirm
        open={gone !== null}
        onOpenChange={(open) => !open && setGone(null)}
        title={t("limits.removeTitle")}
        text={t("limits.removeText")}
        confirm={t("limits.remove")}
        onConfirm={async () => {
          if (!gone) return;
          await deleteRule(side, gone.id);
          await client.invalidateQueries({ queryKey: limitsKey });
          toast(t("limits.removed"));
        }}
      />
    </Section>
  );
}

function FigureCell({ n }: { n: number | undefined }) {
  const { t } = useTranslation();
  if (n === undefined) return <span className="text-muted-foreground">–</span>;
  return <span className="tabular-nums">{n === 0 ? t("limits.unlimited") : formatNumber(n)}</span>;
}

function RuleForm({
  side,
  of,
  operator,
  onDone,
}: {
  side: Side;
  of: Limit | null;
  operator: boolean;
  onDone: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const subjects: Subject[] =
    side === "operator"
      ? ["organization", "tier", "end_user"]
      : [...(operator ? (["organization"] as const) : []), "project", "user", "key", "end_user"];
  const [subject, setSubject] = useState<Subject>(of?.subject ?? subjects[0] ?? "project");
  const [id, setID] = useState(of?.subject_id ?? "");
  const [model, setModel] = useState(of?.model ?? "");
  const [texts, setTexts] = useState<Partial<Record<Figure, string>>>(of ? asTexts(figuresOf(of)) : {});
  const values = readFigures(texts);
  const named = subject !== "organization" && !(side === "operator" && subject === "end_user");
  const save = useMutation({
    mutationFn: () =>
      setRule(side, {
        subject,
        ...(named && id !== "" && { subject_id: id.trim() }),
        ...(model !== "" && { model: model.trim() }),
        ...values,
        ...(of?.token_weight !== undefined && { token_weight: of.token_weight }),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: limitsKey });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  return (
    <DialogContent className="max-w-lg">
      <DialogTitle>{of ? t("limits.edit") : t("limits.add")}</DialogTitle>
      <Form
        cancel
        submit={t("limits.save")}
        busy={save.isPending}
        error={save.error}
        errorTitle={t("limits.notSaved")}
        disabled={values === null || Object.keys(values).length === 0}
        onSubmit={() => save.mutate()}
      >
        {of === null && (
          <>
            <SelectField
              label={t("limits.whose")}
              value={subject}
              onChange={setSubject}
              options={subjects.map((value) => ({ value, label: t(`limits.subjects.${value}`) }))}
            />
            {named && (
              <TextField
                label={t("limits.id")}
                hint={t(`limits.idHint.${subject}`)}
                optional={subject !== "tier"}
                autoComplete="off"
                value={id}
                onChange={setID}
              />
            )}
            <TextField
              label={t("limits.model")}
              hint={t("limits.modelHint")}
              optional
              autoComplete="off"
              value={model}
              onChange={setModel}
            />
          </>
        )}
        <FigureFields values={texts} onChange={setTexts} />
        <p className="text-sm text-muted-foreground">{t("limits.figuresHint")}</p>
        {values === null && (
          <p role="alert" className="text-sm text-danger">
            {t("limits.notNumber")}
          </p>
        )}
      </Form>
    </DialogContent>
  );
}

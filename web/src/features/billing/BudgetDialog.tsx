import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, SelectField, TextField } from "@/components/console/fields";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { projectsQuery } from "@/features/projects/api";
import { sessionQuery } from "@/features/session/api";
import { type Budget, billingKey, budgetsQuery, setBudget } from "./api";
import { amountOf } from "./month";

type BudgetDialogProps = {
  open: boolean;
  /** Whose budget it is at first: the organization's or a project's id. */
  subject: string | undefined;
  onClose: () => void;
};

/** Sets what the organization or a project may spend in a month. */
export function BudgetDialog({ open, subject, onClose }: BudgetDialogProps) {
  const { data: session } = useQuery(sessionQuery);
  const { data: budgets } = useQuery(budgetsQuery);
  return (
    <Dialog open={open && budgets !== undefined} onOpenChange={(next) => !next && onClose()}>
      {session && budgets && (
        <Body
          organization={session.organization.id}
          budgets={budgets}
          subject={subject ?? session.organization.id}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

function Body({
  organization,
  budgets,
  subject: first,
  onClose,
}: {
  organization: string;
  budgets: readonly Budget[];
  subject: string;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: projects = [] } = useQuery(projectsQuery);
  const limits = (id: string) => {
    const budget = budgets.find((b) => b.id === id);
    return {
      soft: budget?.soft_limit_usd?.toString() ?? "",
      hard: budget?.hard_limit_usd?.toString() ?? "",
    };
  };
  const [subject, setSubject] = useState(first);
  const [{ soft, hard }, setLimits] = useState(limits(first));
  const values = { soft: amountOf(soft), hard: amountOf(hard) };
  const wrong = (value: number | null) => (Number.isNaN(value) ? t("billing.noAmount") : undefined);
  const save = useMutation({
    mutationFn: () => setBudget(subject, values.soft, values.hard),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: billingKey });
      toast(t("console.form.saved"));
      onClose();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("billing.setBudget")}</DialogTitle>
      <Form
        submit={t("console.form.save")}
        cancel
        busy={save.isPending}
        error={save.error}
        errorTitle={t("billing.budgetNotSet")}
        disabled={
          (values.soft === null && values.hard === null) ||
          Number.isNaN(values.soft) ||
          Number.isNaN(values.hard)
        }
        onSubmit={() => save.mutate()}
      >
        <SelectField
          label={t("billing.of")}
          value={subject}
          onChange={(id) => {
            setSubject(id);
            setLimits(limits(id));
          }}
          options={[
            { value: organization, label: t("billing.organization") },
            ...projects.map((project) => ({ value: project.id, label: project.name })),
          ]}
        />
        <TextField
          label={t("billing.softLabel")}
          hint={t("billing.softHint")}
          optional
          inputMode="decimal"
          autoComplete="off"
          value={soft}
          error={wrong(values.soft)}
          onChange={(text) => setLimits({ soft: text, hard })}
        />
        <TextField
          label={t("billing.hardLabel")}
          hint={t("billing.hardHint")}
          optional
          inputMode="decimal"
          autoComplete="off"
          value={hard}
          error={wrong(values.hard)}
          onChange={(text) => setLimits({ soft, hard: text })}
        />
      </Form>
    </DialogContent>
  );
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { PencilLine, PiggyBank, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Details, Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { projectsQuery } from "@/features/projects/api";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatMoney } from "@/lib/format";
import {
  type Billing,
  billingKey,
  billingQuery,
  type Budget,
  budgetsQuery,
  creditsQuery,
  invoicesQuery,
  removeBudget,
} from "./api";
import { BudgetDialog } from "./BudgetDialog";
import { CreditsTable } from "./CreditsTable";
import { DetailsDialog } from "./DetailsDialog";
import { InvoicesTable } from "./InvoicesTable";
import { SpendCard } from "./SpendCard";

/** What the organization spends, may spend and owes. */
export function BillingPage() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const overview = useQuery({ ...billingQuery, refetchInterval: 30_000 });
  const credits = useQuery(creditsQuery);
  const invoices = useQuery(invoicesQuery);
  const write = useMay("billing.write");
  const budget = useDialogParam("budget");
  const details = useDialogParam("details");
  const billing = overview.data;
  const setBudget = (
    <Button onClick={() => budget.show()}>
      <PiggyBank aria-hidden />
      {t("billing.setBudget")}
    </Button>
  );
  return (
    <Page
      title={t("billing.title")}
      lead={t("billing.lead", { organization: session?.organization.name ?? "" })}
      action={write && setBudget}
    >
      {overview.error && !billing ? (
        <ErrorBox error={overview.error} onRetry={() => void overview.refetch()} />
      ) : (
        <SpendCard billing={billing} />
      )}
      <Budgets write={write} onSet={budget.show} action={write && setBudget} />
      <Section
        title={t("billing.credits")}
        lead={
          billing === undefined
            ? t("billing.creditsLead")
            : t("billing.creditsLeft", { amount: formatMoney(billing.credit_available_usd) })
        }
      >
        <CreditsTable rows={credits.data} error={credits.error} onRetry={() => void credits.refetch()} />
      </Section>
      <Section title={t("billing.invoices")} lead={t("billing.invoicesLead")}>
        <InvoicesTable rows={invoices.data} error={invoices.error} onRetry={() => void invoices.refetch()} />
      </Section>
      <Section
        title={t("billing.details")}
        action={
          write && (
            <Button variant="outline" size="sm" onClick={() => details.show()}>
              <PencilLine aria-hidden />
              {t("billing.editDetails")}
            </Button>
          )
        }
      >
        {billing ? (
          <Paying billing={billing} name={session?.organization.name ?? ""} />
        ) : (
          <SkeletonLines lines={4} />
        )}
      </Section>
      <BudgetDialog open={budget.open && write} subject={budget.subject} onClose={budget.close} />
      <DetailsDialog open={details.open && write} billing={billing} onClose={details.close} />
    </Page>
  );
}

function Paying({ billing, name }: { billing: Billing; name: string }) {
  const { t } = useTranslation();
  return (
    <Details
      rows={[
        [
          t("billing.plan"),
          `${t(`billing.planNames.${billing.plan}`)}. ${t(`billing.plans.${billing.plan}`)}`,
        ],
        [t("billing.payment"), t("billing.noPayment")],
        [
          t("billing.contacts"),
          billing.contacts.length > 0 ? billing.contacts.join(", ") : t("billing.ownersAlone"),
        ],
        [t("billing.invoiceName"), billing.invoice_name || name],
        [
          t("billing.invoiceAddress"),
          billing.invoice_address ? (
            <span className="whitespace-pre-line">{billing.invoice_address}</span>
          ) : (
            "–"
          ),
        ],
      ]}
    />
  );
}

function Budgets({
  write,
  onSet,
  action,
}: {
  write: boolean;
  onSet: (subject?: string) => void;
  action: React.ReactNode;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const query = useQuery(budgetsQuery);
  const { data: projects } = useQuery(projectsQuery);
  const [removing, setRemoving] = useState<Budget | null>(null);
  const nameOf = (budget: Budget) =>
    budget.project_id === null
      ? t("billing.organization")
      : (projects?.find((project) => project.id === budget.project_id)?.name ?? budget.project_id);
  const limit = (amount: number | null) =>
    amount === null ? "–" : <span className="tabular-nums">{formatMoney(amount)}</span>;
  const columns: Column<Budget>[] = [
    { id: "of", header: t("billing.of"), cell: nameOf, value: nameOf },
    {
      id: "spent",
      header: t("billing.spent"),
      cell: (budget) => <span className="tabular-nums">{formatMoney(budget.spend_usd)}</span>,
      value: (budget) => budget.spend_usd,
      align: "end",
    },
    {
      id: "soft",
      header: t("billing.soft"),
      cell: (budget) => limit(budget.soft_limit_usd),
      value: (budget) => budget.soft_limit_usd,
      align: "end",
    },
    {
      id: "hard",
      header: t("billing.hard"),
      cell: (budget) => limit(budget.hard_limit_usd),
      value: (budget) => budget.hard_limit_usd,
      align: "end",
    },
  ];
  return (
    <Section title={t("billing.budgets")} lead={t("billing.budgetsLead")}>
      <DataTable
        label={t("billing.budgets")}
        prefix="budget-"
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(budget) => budget.id}
        rowName={nameOf}
        {...(write && {
          actions: (budget: Budget) => (
            <>
              <MenuItem onSelect={() => onSet(budget.id)}>
                <PencilLine aria-hidden />
                {t("billing.change")}
              </MenuItem>
              <MenuItem danger onSelect={() => setRemoving(budget)}>
                <Trash2 aria-hidden />
                {t("billing.remove")}
              </MenuItem>
            </>
          ),
        })}
        empty={
          <Empty
            icon={PiggyBank}
            title={t("billing.noBudgets")}
            text={t("billing.noBudgetsHint")}
            action={action}
          />
        }
      />
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={t("billing.removeTitle")}
        text={t("billing.removeText", { name: removing ? nameOf(removing) : "" })}
        confirm={t("billing.remove")}
        onConfirm={async () => {
          if (!removing) return;
          await removeBudget(removing.id);
          await client.invalidateQueries({ queryKey: billingKey });
          toast(t("billing.removed"));
        }}
      />
    </Section>
  );
}

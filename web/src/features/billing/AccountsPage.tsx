import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Building2, CreditCard, Gift, PencilLine } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, RadioField, TextAreaField, TextField } from "@/components/console/fields";
import { Details, Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { formatMoney } from "@/lib/format";
import {
  type Account,
  accountsQuery,
  billingKey,
  type Plan,
  type Seller,
  sellerQuery,
  setPlan,
  setSeller,
} from "./api";
import { CreditForm } from "./CreditDialog";

const plans = ["none", "prepaid", "postpaid"] as const;

/** How the installation's organizations pay, and who sells: the operator's. */
export function AccountsPage() {
  const { t } = useTranslation();
  const query = useQuery(accountsQuery);
  const seller = useQuery(sellerQuery);
  const credit = useDialogParam("credit");
  const plan = useDialogParam("plan");
  const sell = useDialogParam("seller");
  const find = (id: string | undefined) => query.data?.find((account) => account.organization_id === id);
  const credited = find(credit.subject);
  const planned = find(plan.subject);
  const columns: Column<Account>[] = [
    {
      id: "name",
      header: t("billing.organizationName"),
      cell: (account) => account.name,
      value: (account) => account.name,
      text: (account) => `${account.name} ${account.organization_id}`,
    },
    {
      id: "plan",
      header: t("billing.plan"),
      cell: (account) => <Badge>{t(`billing.planNames.${account.plan}`)}</Badge>,
      value: (account) => t(`billing.planNames.${account.plan}`),
    },
    {
      id: "spent",
      header: t("billing.thisMonth"),
      cell: (account) => <span className="tabular-nums">{formatMoney(account.spend_usd)}</span>,
      value: (account) => account.spend_usd,
      align: "end",
    },
    {
      id: "credit",
      header: t("billing.creditLeft"),
      cell: (account) => <span className="tabular-nums">{formatMoney(account.credit_available_usd)}</span>,
      value: (account) => account.credit_available_usd,
      align: "end",
    },
  ];
  return (
    <Page title={t("billing.accounts")} lead={t("billing.accountsLead")}>
      <DataTable
        label={t("billing.accounts")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(account) => account.organization_id}
        rowName={(account) => account.name}
        rowLink={(account) => `/console/accounts/${account.organization_id}`}
        sort="-spent"
        search
        actions={(account) => (
          <>
            <MenuItem onSelect={() => credit.show(account.organization_id)}>
              <Gift aria-hidden />
              {t("billing.giveCredit")}
            </MenuItem>
            <MenuItem onSelect={() => plan.show(account.organization_id)}>
              <CreditCard aria-hidden />
              {t("billing.changePlan")}
            </MenuItem>
          </>
        )}
        empty={<Empty icon={Building2} title={t("billing.noAccounts")} />}
      />
      <Section
        title={t("billing.seller")}
        lead={t("billing.sellerLead")}
        action={
          <Button variant="outline" size="sm" onClick={() => sell.show()}>
            <PencilLine aria-hidden />
            {t("billing.changeSeller")}
          </Button>
        }
      >
        {seller.error ? (
          <ErrorBox error={seller.error} onRetry={() => void seller.refetch()} />
        ) : seller.data ? (
          <Details
            rows={[
              [t("billing.sellerName"), seller.data.name || "–"],
              [
                t("billing.address"),
                <span className="whitespace-pre-line">{seller.data.address || "–"}</span>,
              ],
              [t("billing.note"), <span className="whitespace-pre-line">{seller.data.note || "–"}</span>],
            ]}
          />
        ) : (
          <SkeletonLines lines={3} />
        )}
      </Section>
      <Dialog open={credited !== undefined} onOpenChange={(open) => !open && credit.close()}>
        {credited && (
          <CreditForm organization={credited.organization_id} name={credited.name} onDone={credit.close} />
        )}
      </Dialog>
      <Dialog open={planned !== undefined} onOpenChange={(open) => !open && plan.close()}>
        {planned && <PlanForm account={planned} onDone={plan.close} />}
      </Dialog>
      <Dialog open={sell.open && seller.data !== undefined} onOpenChange={(open) => !open && sell.close()}>
        {seller.data && <SellerForm of={seller.data} onDone={sell.close} />}
      </Dialog>
    </Page>
  );
}

/** How an organization pays. */
export function PlanForm({ account, onDone }: { account: Account; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [plan, choose] = useState<Plan>(account.plan);
  const save = useMutation({
    mutationFn: () => setPlan(account.organization_id, plan),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: billingKey });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("billing.planOf", { name: account.name })}</DialogTitle>
      <Form
        submit={t("console.form.save")}
        cancel
        busy={save.isPending}
        error={save.error}
        errorTitle={t("billing.planNotChanged")}
        onSubmit={() => save.mutate()}
      >
        <RadioField
          label={t("billing.plan")}
          value={plan}
          onChange={choose}
          options={plans.map((value) => ({
            value,
            label: t(`billing.planNames.${value}`),
            hint: t(`billing.plans.${value}`),
          }))}
        />
      </Form>
    </DialogContent>
  );
}

function SellerForm({ of, onDone }: { of: Seller; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [seller, change] = useState({ name: of.name, address: of.address, note: of.note });
  const save = useMutation({
    mutationFn: () => setSeller(seller),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: billingKey });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  return (
    <DialogContent>
      <DialogTitle>{t("billing.seller")}</DialogTitle>
      <Form
        submit={t("console.form.save")}
        cancel
        busy={save.isPending}
        error={save.error}
        errorTitle={t("billing.sellerNotSaved")}
        onSubmit={() => save.mutate()}
      >
        <TextField
          label={t("billing.sellerName")}
          value={seller.name}
          onChange={(name) => change({ ...seller, name })}
        />
        <TextAreaField
          label={t("billing.address")}
          optional
          value={seller.address}
          onChange={(address) => change({ ...seller, address })}
        />
        <TextAreaField
          label={t("billing.note")}
          hint={t("billing.noteHint")}
          optional
          value={seller.note}
          onChange={(note) => change({ ...seller, note })}
        />
      </Form>
    </DialogContent>
  );
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Gift } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { Details, Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { formatMoney } from "@/lib/format";
import {
  accountCreditsQuery,
  accountInvoicesQuery,
  accountsQuery,
  billingKey,
  type Credit,
  revokeCredit,
} from "./api";
import { PlanForm } from "./AccountsPage";
import { CreditForm } from "./CreditDialog";
import { CreditsTable } from "./CreditsTable";
import { InvoicesTable } from "./InvoicesTable";

/** One organization's plan, credit and invoices: the operator's. */
export function AccountPage() {
  const { t } = useTranslation();
  const { organization = "" } = useParams({ strict: false });
  const client = useQueryClient();
  const accounts = useQuery(accountsQuery);
  const credits = useQuery(accountCreditsQuery(organization));
  const invoices = useQuery(accountInvoicesQuery(organization));
  const credit = useDialogParam("credit");
  const plan = useDialogParam("plan");
  const [revoking, setRevoking] = useState<Credit | null>(null);
  const account = accounts.data?.find(({ organization_id }) => organization_id === organization);
  const back = { to: "/console/accounts", label: t("billing.accounts") };
  if (accounts.data && !account) {
    return (
      <Page title={t("billing.accounts")} back={back}>
        <Empty title={t("billing.noSuchAccount")} />
      </Page>
    );
  }
  return (
    <Page
      title={account?.name ?? "…"}
      back={back}
      action={
        <Button onClick={() => credit.show()}>
          <Gift aria-hidden />
          {t("billing.giveCredit")}
        </Button>
      }
    >
      {accounts.error && !account && (
        <ErrorBox error={accounts.error} onRetry={() => void accounts.refetch()} />
      )}
      <Section
        title={t("billing.account")}
        action={
          <Button variant="outline" size="sm" onClick={() => plan.show()}>
            {t("billing.changePlan")}
          </Button>
        }
      >
        {account ? (
          <Details
            rows={[
              [
                t("billing.plan"),
                `${t(`billing.planNames.${account.plan}`)}. ${t(`billing.plans.${account.plan}`)}`,
              ],
              [t("billing.thisMonth"), formatMoney(account.spend_usd)],
              [t("billing.creditLeft"), formatMoney(account.credit_available_usd)],
            ]}
          />
        ) : (
          <SkeletonLines lines={3} />
        )}
      </Section>
      <Section title={t("billing.credits")}>
        <CreditsTable
          rows={credits.data}
          error={credits.error}
          onRetry={() => void credits.refetch()}
          onRevoke={setRevoking}
        />
      </Section>
      <Section title={t("billing.invoices")}>
        <InvoicesTable
          rows={invoices.data}
          error={invoices.error}
          onRetry={() => void invoices.refetch()}
          operator
        />
      </Section>
      <Dialog open={credit.open && account !== undefined} onOpenChange={(open) => !open && credit.close()}>
        {account && <CreditForm organization={organization} name={account.name} onDone={credit.close} />}
      </Dialog>
      <Dialog open={plan.open && account !== undefined} onOpenChange={(open) => !open && plan.close()}>
        {account && <PlanForm account={account} onDone={plan.close} />}
      </Dialog>
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => !open && setRevoking(null)}
        title={t("billing.revokeTitle")}
        text={t("billing.revokeText", { amount: formatMoney(revoking?.available_usd ?? 0) })}
        confirm={t("billing.revoke")}
        onConfirm={async () => {
          if (!revoking) return;
          await revokeCredit(revoking.id);
          await client.invalidateQueries({ queryKey: billingKey });
          toast(t("billing.revoked"));
        }}
      />
    </Page>
  );
}

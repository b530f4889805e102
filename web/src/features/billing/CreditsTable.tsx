import { Gift, Undo2 } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty } from "@/components/console/states";
import { MenuItem } from "@/components/ui/menu";
import { formatDate, formatMoney, formatTime } from "@/lib/format";
import type { Credit } from "./api";

type CreditsTableProps = {
  rows: readonly Credit[] | undefined;
  error: unknown;
  onRetry: () => void;
  /** Takes back what is left of one: for the operator. */
  onRevoke?: (credit: Credit) => void;
  action?: ReactNode;
};

/** The grants of credit. */
export function CreditsTable({ rows, error, onRetry, onRevoke, action }: CreditsTableProps) {
  const { t } = useTranslation();
  const columns: Column<Credit>[] = [
    {
      id: "reason",
      header: t("billing.reason"),
      cell: (credit) =>
        credit.reason || <span className="text-muted-foreground">{t("billing.noReason")}</span>,
      value: (credit) => credit.reason,
    },
    {
      id: "amount",
      header: t("billing.amount"),
      cell: (credit) => <span className="tabular-nums">{formatMoney(credit.amount_usd)}</span>,
      value: (credit) => credit.amount_usd,
      align: "end",
    },
    {
      id: "used",
      header: t("billing.usedUp"),
      cell: (credit) => <span className="tabular-nums">{formatMoney(credit.used_usd)}</span>,
      value: (credit) => credit.used_usd,
      align: "end",
    },
    {
      id: "available",
      header: t("billing.available"),
      cell: (credit) => <span className="tabular-nums">{formatMoney(credit.available_usd)}</span>,
      value: (credit) => credit.available_usd,
      align: "end",
    },
    {
      id: "begins",
      header: t("billing.begins"),
      nowrap: true,
      cell: (credit) => (
        <span title={formatTime(credit.effective_at)}>{formatDate(credit.effective_at)}</span>
      ),
      value: (credit) => credit.effective_at,
      wideOnly: true,
    },
    {
      id: "ends",
      header: t("billing.ends"),
      cell: (credit) =>
        credit.revoked_at !== null ? (
          <Badge>{t("billing.takenBack")}</Badge>
        ) : credit.expires_at === null ? (
          t("console.time.never")
        ) : credit.expires_at * 1000 < Date.now() ? (
          <Badge>{t("billing.ended")}</Badge>
        ) : (
          <span title={formatTime(credit.expires_at)}>{formatDate(credit.expires_at)}</span>
        ),
      value: (credit) => credit.revoked_at ?? credit.expires_at,
    },
  ];
  return (
    <DataTable
      label={t("billing.credits")}
      prefix="credit-"
      columns={columns}
      rows={rows}
      error={error}
      onRetry={onRetry}
      rowKey={(credit) => credit.id}
      rowName={(credit) => `${credit.reason} ${formatMoney(credit.amount_usd)}`.trim()}
      sort="-begins"
      {...(onRevoke && {
        actions: (credit: Credit) =>
          credit.revoked_at === null && credit.used_usd < credit.amount_usd ? (
            <MenuItem danger onSelect={() => onRevoke(credit)}>
              <Undo2 aria-hidden />
              {t("billing.revoke")}
            </MenuItem>
          ) : null,
      })}
      empty={
        <Empty icon={Gift} title={t("billing.noCredits")} text={t("billing.noCreditsHint")} action={action} />
      }
    />
  );
}

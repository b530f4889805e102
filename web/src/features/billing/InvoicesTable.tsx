import { Download, ReceiptText } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { time } from "@/features/usage/time";
import { formatDate, formatMoney } from "@/lib/format";
import { type Invoice, savePDF } from "./api";

type InvoicesTableProps = {
  rows: readonly Invoice[] | undefined;
  error: unknown;
  onRetry: () => void;
  operator?: boolean;
};

/** The invoices, each with its PDF. */
export function InvoicesTable({ rows, error, onRetry, operator = false }: InvoicesTableProps) {
  const { t } = useTranslation();
  const money = (amount: number) => <span className="tabular-nums">{formatMoney(amount)}</span>;
  const columns: Column<Invoice>[] = [
    {
      id: "number",
      header: t("billing.number"),
      cell: (invoice) => invoice.number,
      value: (invoice) => invoice.number,
    },
    {
      id: "month",
      header: t("billing.month"),
      cell: (invoice) => time.month(Date.parse(`${invoice.month}-01T00:00:00Z`) / 1000),
      value: (invoice) => invoice.month,
    },
    {
      id: "subtotal",
      header: t("billing.subtotal"),
      cell: (invoice) => money(invoice.subtotal_usd),
      value: (invoice) => invoice.subtotal_usd,
      align: "end",
      wideOnly: true,
    },
    {
      id: "credit",
      header: t("billing.paidByCredit"),
      cell: (invoice) => money(invoice.credit_usd),
      value: (invoice) => invoice.credit_usd,
      align: "end",
      wideOnly: true,
    },
    {
      id: "total",
      header: t("billing.total"),
      cell: (invoice) => money(invoice.total_usd),
      value: (invoice) => invoice.total_usd,
      align: "end",
    },
    {
      id: "made",
      header: t("billing.made"),
      cell: (invoice) => formatDate(invoice.created_at),
      nowrap: true,
      value: (invoice) => invoice.created_at,
      wideOnly: true,
    },
    {
      id: "pdf",
      header: t("billing.document"),
      cell: (invoice) => (
        <Button
          variant="outline"
          size="sm"
          aria-label={t("billing.download", { number: invoice.number })}
          onClick={() => {
            savePDF(invoice, operator).catch((failure: unknown) =>
              toast(failure instanceof Error ? failure.message : String(failure)),
            );
          }}
        >
          <Download aria-hidden />
          {t("billing.pdf")}
        </Button>
      ),
    },
  ];
  return (
    <DataTable
      label={t("billing.invoices")}
      prefix="invoice-"
      columns={columns}
      rows={rows}
      error={error}
      onRetry={onRetry}
      rowKey={(invoice) => invoice.id}
      rowName={(invoice) => invoice.number}
      sort="-month"
      empty={<Empty icon={ReceiptText} title={t("billing.noInvoices")} text={t("billing.noInvoicesHint")} />}
    />
  );
}

import { useQuery } from "@tanstack/react-query";
import type { ParseKeys } from "i18next";
import { ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty } from "@/components/console/states";
import { formatBytes, formatNumber, formatTime } from "@/lib/format";
import { type Proof, proofsQuery } from "./api";

const reasons: Record<string, ParseKeys> = {
  age: "retention.reason.age",
  setting: "retention.reason.setting",
  organization: "retention.reason.organization",
  key_lost: "retention.reason.key_lost",
};

/** What was deleted, as the audit log has it. */
export function Proofs() {
  const { t } = useTranslation();
  const query = useQuery(proofsQuery);
  const columns: Column<Proof>[] = [
    { id: "day", header: t("retention.proof.day"), cell: (p) => p.day, value: (p) => p.day },
    {
      id: "requests",
      header: t("retention.requests"),
      cell: (p) => formatNumber(p.requests),
      value: (p) => p.requests,
      align: "end",
    },
    {
      id: "size",
      header: t("retention.size"),
      cell: (p) => formatBytes(p.bytes),
      nowrap: true,
      value: (p) => p.bytes,
      align: "end",
      wideOnly: true,
    },
    {
      id: "reason",
      header: t("retention.proof.reason"),
      cell: (p) => {
        const words = reasons[p.reason];
        return words ? t(words) : p.reason;
      },
      value: (p) => p.reason,
    },
    {
      id: "key",
      header: t("retention.proof.key"),
      cell: (p) => <code className="font-mono text-xs [overflow-wrap:anywhere]">{p.key}</code>,
      text: (p) => p.key,
      wideOnly: true,
    },
    {
      id: "at",
      header: t("retention.proof.at"),
      cell: (p) => formatTime(p.at),
      nowrap: true,
      value: (p) => p.at,
    },
  ];
  return (
    <DataTable
      label={t("retention.proofs")}
      columns={columns}
      rows={query.data}
      error={query.error}
      onRetry={() => void query.refetch()}
      rowKey={(p) => p.id}
      sort="-at"
      prefix="proofs_"
      empty={
        <Empty icon={ShieldCheck} title={t("retention.proof.empty")} text={t("retention.proof.emptyHint")} />
      }
    />
  );
}

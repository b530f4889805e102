import { useQuery } from "@tanstack/react-query";
import { Filter } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Section } from "@/components/console/Page";
import { Empty } from "@/components/console/states";
import { MenuItem } from "@/components/ui/menu";
import { formatDuration, formatMoney, formatNumber } from "@/lib/format";
import { isFilter, sumsQuery, type UsageSum } from "./api";
import { capital, useLabels } from "./labels";
import type { UsageState } from "./useUsageState";

/** The figures of each group over the whole time, and the way to see one of them alone. */
export function Breakdown({ state: { period, filters, group, set } }: { state: UsageState }) {
  const { t } = useTranslation();
  const labelOf = useLabels();
  const sums = useQuery(sumsQuery(period, filters, group, true));
  const name = (s: UsageSum) => (s.others ? t("usage.other") : labelOf(group, s.group[group] ?? ""));
  const number = (
    id: string,
    header: string,
    value: (s: UsageSum) => number,
    format = formatNumber,
  ): Column<UsageSum> => ({
    id,
    header,
    value,
    cell: (s) => <span className="tabular-nums">{format(value(s))}</span>,
    align: "end",
  });
  const columns: Column<UsageSum>[] = [
    {
      id: "name",
      header: capital(t(`usage.dimensions.${group}`)),
      value: name,
      cell: (s) => <span className="[overflow-wrap:anywhere]">{name(s)}</span>,
    },
    number("requests", t("usage.requests"), (s) => s.requests),
    number("errors", t("usage.errors"), (s) => s.errors),
    number("tokens", t("usage.tokens"), (s) => s.input_tokens + s.output_tokens),
    {
      ...number("p95", t("usage.p95"), (s) => s.latency_ms.p95, formatDuration),
      wideOnly: true,
    },
    {
      ...number("cost", t("usage.cost"), (s) => s.cost_usd, formatMoney),
      cell: (s) => (
        <span className="tabular-nums">
          {formatMoney(s.cost_usd)}
          {s.unpriced_requests > 0 && <span title={t("usage.unpricedShort")}>+</span>}
        </span>
      ),
    },
  ];
  return (
    <Section title={t("usage.by", { what: t(`usage.dimensions.${group}`) })}>
      <DataTable
        prefix="b."
        label={t("usage.by", { what: t(`usage.dimensions.${group}`) })}
        columns={columns}
        rows={sums.data}
        rowKey={(s) => (s.others ? " others" : (s.group[group] ?? ""))}
        rowName={name}
        sort="-cost"
        search
        error={sums.error}
        onRetry={() => void sums.refetch()}
        empty={<Empty title={t("usage.nothing")} text={t("usage.nothingHint")} />}
        actions={(s) =>
          isFilter(group) && !s.others ? (
            <MenuItem onSelect={() => set({ [group]: s.group[group] ?? "", at: undefined })}>
              <Filter aria-hidden />
              {t("usage.only", { name: name(s) })}
            </MenuItem>
          ) : null
        }
      />
      {sums.data?.some((s) => s.others) && (
        <p className="text-sm text-muted-foreground">{t("usage.othersNote", { other: t("usage.other") })}</p>
      )}
    </Section>
  );
}

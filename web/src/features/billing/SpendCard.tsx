import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Chart, type ChartSeries } from "@/components/console/Chart";
import { Card } from "@/components/console/Page";
import { Status } from "@/components/console/Badge";
import { Skeleton } from "@/components/console/states";
import { sumsQuery } from "@/features/usage/api";
import { readPeriod } from "@/features/usage/period";
import { bucketsOf, time } from "@/features/usage/time";
import { formatMoney, formatPercent } from "@/lib/format";
import { cn } from "@/lib/cn";
import type { Billing } from "./api";
import { runningTotal } from "./month";

/** What the month has cost until now, against its budget: in words, as a bar, and day by day. */
export function SpendCard({ billing }: { billing: Billing | undefined }) {
  const { t } = useTranslation();
  const period = readPeriod(billing?.month);
  const { data: days = [], isPending } = useQuery(sumsQuery(period, {}, null));
  const hard = billing?.budget?.hard_limit_usd ?? null;
  const soft = billing?.budget?.soft_limit_usd ?? null;
  const flat = (value: number) => period.buckets.map(() => value);
  const series: ChartSeries[] = [
    {
      id: "spend",
      label: t("billing.spent"),
      values: runningTotal(
        period.buckets,
        days.map((day) => ({ start: day.start_time, cost: day.cost_usd })),
      ),
    },
    ...(soft === null ? [] : [{ id: "soft", label: t("billing.soft"), values: flat(soft), tone: 2 }]),
    ...(hard === null
      ? []
      : [{ id: "hard", label: t("billing.hard"), values: flat(hard), tone: "danger" as const }]),
  ];
  return (
    <Card className="grid gap-4 *:min-w-0">
      <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
        <div className="grid gap-1">
          <p className="text-sm text-muted-foreground">{t("billing.thisMonth")}</p>
          {billing ? (
            <p className="text-3xl font-semibold tracking-tight tabular-nums">
              {formatMoney(billing.spend_usd)}
              {hard !== null && (
                <span className="text-base font-normal text-muted-foreground">
                  {" "}
                  {t("billing.ofLimit", { limit: formatMoney(hard) })}
                </span>
              )}
            </p>
          ) : (
            <Skeleton className="h-9 w-40" />
          )}
        </div>
        {billing && (
          <div className="grid gap-1 text-sm sm:justify-items-end">
            <Status
              tone={billing.state === "ok" ? "good" : billing.state === "soft_limit" ? "warning" : "danger"}
            >
              {t(`billing.state.${billing.state}`)}
            </Status>
            <span className="text-muted-foreground">
              {t("billing.resets", { date: time.day(billing.resets_at) })}
            </span>
          </div>
        )}
      </div>
      {billing && hard !== null && <Meter spent={billing.spend_usd} soft={soft} hard={hard} />}
      <Chart
        label={t("billing.chart")}
        kind="lines"
        buckets={bucketsOf(period)}
        series={isPending ? [] : series}
        format={(value) => formatMoney(value)}
        loading={isPending}
        empty={t("billing.nothingSpent")}
      />
    </Card>
  );
}

function Meter({ spent, soft, hard }: { spent: number; soft: number | null; hard: number }) {
  const { t } = useTranslation();
  const share = hard === 0 ? 1 : Math.min(1, spent / hard);
  return (
    <div
      role="meter"
      aria-label={t("billing.used")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      aria-valuetext={t("billing.usedOf", { share: formatPercent(share), limit: formatMoney(hard) })}
      className="relative h-2.5 overflow-hidden rounded-full bg-muted"
    >
      <div
        className={cn(
          "h-full rounded-full",
          share >= 1 ? "bg-danger" : soft !== null && spent >= soft ? "bg-warning" : "bg-primary",
        )}
        style={{ width: `${share * 100}%` }}
      />
      {soft !== null && hard > 0 && (
        <span
          aria-hidden
          className="absolute inset-y-0 w-0.5 bg-foreground"
          style={{ left: `${Math.min(1, soft / hard) * 100}%` }}
        />
      )}
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Chart, type ChartSeries } from "@/components/console/Chart";
import { Card } from "@/components/console/Page";
import { ErrorBox } from "@/components/console/states";
import { formatCompact, formatDuration, formatMoney, formatNumber, formatPercent } from "@/lib/format";
import { type Dimension, sumsQuery, type UsageSum } from "./api";
import { useLabels } from "./labels";
import { inside } from "./period";
import { type Measure, measures, seriesByGroup, seriesOfFigures } from "./series";
import { bucketsOf, titleOf } from "./time";
import type { UsageState } from "./useUsageState";

type TabProps = { state: UsageState };

/** Chart properties that all charts of the page have: a bucket is opened by a click, and closed by another. */
function useBuckets({ period, at, set }: UsageState) {
  const { t } = useTranslation();
  return {
    buckets: bucketsOf(period),
    selected: at === null ? undefined : String(at),
    hint: t("usage.open"),
    onSelect: (bucket: { id: string }) => set({ at: bucket.id === String(at) ? undefined : bucket.id }),
  };
}

function useSums(state: UsageState, group: Dimension | null, whole = false) {
  return useQuery(sumsQuery(state.period, state.filters, group, whole));
}

/** What is served under a name cannot be filtered by, and sums by end user know neither keys nor users nor endpoints: the server says so. */
function Problem({ queries }: { queries: { error: unknown; refetch: () => unknown }[] }) {
  const failed = queries.find((q) => q.error !== null);
  return failed ? <ErrorBox error={failed.error} onRetry={() => void failed.refetch()} /> : null;
}

/** A chart by the dimension that is chosen. */
function GroupChart({
  state,
  measure,
  title,
  format,
  formatTick,
  whole = false,
  action,
}: TabProps & {
  measure: Measure;
  title: string;
  format: (n: number) => string;
  formatTick?: (n: number) => string;
  whole?: boolean;
  action?: ReactNode;
}) {
  const { t } = useTranslation();
  const labelOf = useLabels();
  const shared = useBuckets(state);
  const sums = useSums(state, state.group);
  const series = seriesByGroup(
    sums.data ?? [],
    state.period.buckets,
    state.group,
    measure,
    (value) => labelOf(state.group, value),
    t("usage.other"),
  );
  return (
    <ChartCard
      title={title}
      aside={
        sums.data
          ? format(series.reduce((sum, s) => sum + s.values.reduce<number>((a, b) => a + (b ?? 0), 0), 0))
          : unknown
      }
      action={action}
    >
      {sums.error !== null && sums.data === undefined ? (
        <Problem queries={[sums]} />
      ) : (
        <Chart
          {...shared}
          label={t("usage.chartOf", { what: title, period: titleOf(state.period) })}
          kind="bars"
          series={series}
          loading={sums.isPending || sums.isPlaceholderData}
          format={format}
          {...(formatTick && { formatTick })}
          whole={whole}
        />
      )}
    </ChartCard>
  );
}

function ChartCard({
  title,
  aside,
  action,
  children,
}: {
  title: string;
  aside?: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Card className="grid gap-3 *:min-w-0">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 className="text-sm font-medium">{title}</h2>
        {aside !== undefined && <p className="text-lg font-semibold tabular-nums">{aside}</p>}
        {action}
      </div>
      {children}
    </Card>
  );
}

/** In place of a figure that is not here yet: nothing was counted, so it is not 0. */
const unknown = "–";

/** Money on an axis: short. */
const tickMoney = (n: number) => formatMoney(n).replace(/[.,]00$/, "");

export function CostTab({ state }: TabProps) {
  const { t } = useTranslation();
  const all = useSums(state, null, true);
  const unpriced = all.data?.reduce((n, s) => n + s.unpriced_requests, 0) ?? 0;
  return (
    <>
      <GroupChart
        state={state}
        title={t("usage.tabs.cost")}
        measure={measures.cost}
        format={formatMoney}
        formatTick={tickMoney}
      />
      {unpriced > 0 && (
        <p className="text-sm text-muted-foreground">
          {t("usage.unpriced", { count: unpriced, total: formatNumber(unpriced) })}
        </p>
      )}
      <Selected state={state} />
    </>
  );
}

const errorTones: Record<string, number | "danger"> = {
  limited: 1,
  refused: 7,
  canceled: 5,
  failed: "danger",
};

export function ActivityTab({ state }: TabProps) {
  const { t } = useTranslation();
  const labelOf = useLabels();
  const shared = useBuckets(state);
  const plain = useSums(state, null);
  const outcomes = useSums(state, "outcome");
  const { buckets: starts } = state.period;
  const tokens = seriesOfFigures(plain.data ?? [], starts, [
    {
      id: "input",
      label: t("usage.inputTokens"),
      of: (s) => s.input_tokens - s.input_cached_tokens,
      tone: 0,
    },
    { id: "cached", label: t("usage.cachedTokens"), of: (s) => s.input_cached_tokens, tone: 7 },
    { id: "output", label: t("usage.outputTokens"), of: (s) => s.output_tokens, tone: 1 },
  ]).map(withoutGaps);
  const errors = ["limited", "refused", "failed"].map((outcome): ChartSeries => {
    const own = (outcomes.data ?? []).filter((s) => s.group.outcome === outcome);
    const [series] = seriesOfFigures(own, starts, [
      {
        id: outcome,
        label: labelOf("outcome", outcome),
        of: measures.requests,
        tone: errorTones[outcome] ?? "other",
      },
    ]);
    return withoutGaps(series ?? { id: outcome, label: outcome, values: [] });
  });
  const total = (of: Measure) => (plain.data ?? []).reduce((n, s) => n + of(s), 0);
  const failed = total(measures.errors);
  const requests = total(measures.requests);
  return (
    <>
      <GroupChart
        state={state}
        title={t("usage.requests")}
        measure={measures.requests}
        format={formatNumber}
        formatTick={formatCompact}
        whole
      />
      <div className="grid gap-6 *:min-w-0 lg:grid-cols-2">
        <ChartCard
          title={t("usage.tokens")}
          aside={plain.data ? formatNumber(total(measures.tokens)) : unknown}
        >
          <Problem queries={[plain]} />
          <Chart
            {...shared}
            label={t("usage.chartOf", { what: t("usage.tokens"), period: titleOf(state.period) })}
            kind="bars"
            series={tokens}
            loading={plain.isPending || plain.isPlaceholderData}
            format={formatNumber}
            formatTick={formatCompact}
            whole
            height={160}
          />
        </ChartCard>
        <ChartCard
          title={t("usage.errors")}
          aside={
            plain.data
              ? `${formatNumber(failed)} · ${formatPercent(requests === 0 ? 0 : failed / requests)}`
              : unknown
          }
        >
          <Problem queries={[outcomes]} />
          <Chart
            {...shared}
            label={t("usage.chartOf", { what: t("usage.errors"), period: titleOf(state.period) })}
            kind="bars"
            series={errors}
            loading={outcomes.isPending || outcomes.isPlaceholderData}
            format={formatNumber}
            formatTick={formatCompact}
            whole
            empty={t("usage.noErrors")}
            height={160}
          />
        </ChartCard>
      </div>
      <Selected state={state} />
    </>
  );
}

const withoutGaps = (s: ChartSeries): ChartSeries => ({ ...s, values: s.values.map((v) => v ?? 0) });

export function LatencyTab({ state }: TabProps) {
  const { t } = useTranslation();
  const shared = useBuckets(state);
  const sums = useSums(state, null);
  const whole = useSums(state, null, true);
  const all = whole.data?.[0];
  const lines = (of: (s: UsageSum) => { p50: number; p95: number; p99: number }) =>
    seriesOfFigures(sums.data ?? [], state.period.buckets, [
      { id: "p50", label: "p50", of: (s) => of(s).p50 || null },
      { id: "p95", label: "p95", of: (s) => of(s).p95 || null },
      { id: "p99", label: "p99", of: (s) => of(s).p99 || null },
    ]);
  const aside = (p: { p50: number; p95: number; p99: number } | undefined) =>
    p ? `${formatDuration(p.p50)} · ${formatDuration(p.p95)} · ${formatDuration(p.p99)}` : "–";
  return (
    <>
      <p className="text-sm text-muted-foreground">{t("usage.percentiles")}</p>
      <Problem queries={[sums, whole]} />
      {(
        [
          ["latency", t("usage.latency"), (s: UsageSum) => s.latency_ms, all?.latency_ms],
          ["first", t("usage.firstToken"), (s: UsageSum) => s.first_token_ms, all?.first_token_ms],
        ] as const
      ).map(([id, title, of, figures]) => (
        <ChartCard key={id} title={title} aside={aside(figures)}>
          <Chart
            {...shared}
            label={t("usage.chartOf", { what: title, period: titleOf(state.period) })}
            kind="lines"
            series={lines(of)}
            loading={sums.isPending || sums.isPlaceholderData}
            format={formatDuration}
            height={180}
          />
        </ChartCard>
      ))}
      <Selected state={state} />
    </>
  );
}

/** What the bucket that is looked into is, the way further in, and the way out. */
function Selected({ state: { period, at, set } }: TabProps) {
  const { t } = useTranslation();
  const bucket = bucketsOf(period).find((b) => b.id === String(at));
  if (!bucket || at === null) return null;
  const finer = inside(period, at);
  return (
    <p className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
      <span className="font-medium">{bucket.title}</span>
      {finer !== null && (
        <button
          type="button"
          className="text-primary underline underline-offset-4"
          onClick={() => set({ t: finer, at: undefined }, { push: true })}
        >
          {t(`usage.in.${period.unit as "month" | "day"}`)}
        </button>
      )}
      <button
        type="button"
        className="text-muted-foreground underline underline-offset-4"
        onClick={() => set({ at: undefined })}
      >
        {t("usage.closeBucket")}
      </button>
    </p>
  );
}

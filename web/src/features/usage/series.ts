import type { ChartSeries } from "@/components/console/Chart";
import type { UsageSum } from "./api";

/** What of a sum is shown. */
export type Measure = (sum: UsageSum) => number;

export const measures = {
  cost: (s: UsageSum) => s.cost_usd,
  requests: (s: UsageSum) => s.requests,
  errors: (s: UsageSum) => s.errors,
  tokens: (s: UsageSum) => s.input_tokens + s.output_tokens,
} satisfies Record<string, Measure>;

/** So many groups have a colour of their own; the rest are one. */
export const mostGroups = 8;

/** Sums of groups as series over the buckets, those with most of the measure first. */
export function seriesByGroup(
  sums: readonly UsageSum[],
  buckets: readonly number[],
  dimension: string,
  measure: Measure,
  label: (group: string) => string,
  otherLabel: string,
): ChartSeries[] {
  const place = new Map(buckets.map((start, i) => [start, i]));
  const groups = new Map<string, { total: number; values: number[] }>();
  const rest = buckets.map(() => 0);
  for (const sum of sums) {
    const i = place.get(sum.start_time);
    if (i === undefined) continue;
    if (sum.others) {
      rest[i] = (rest[i] ?? 0) + measure(sum);
      continue;
    }
    const name = sum.group[dimension] ?? "";
    let group = groups.get(name);
    if (!group) groups.set(name, (group = { total: 0, values: buckets.map(() => 0) }));
    const value = measure(sum);
    group.total += value;
    group.values[i] = (group.values[i] ?? 0) + value;
  }
  // A group that adds nothing to the picture is left out of its legend; tables have it.
  const ordered = [...groups]
    .filter(([, group]) => group.total !== 0)
    .sort(([a, x], [b, y]) => y.total - x.total || a.localeCompare(b));
  const others = rest.some((value) => value !== 0);
  const shown = ordered.slice(0, others || ordered.length > mostGroups + 1 ? mostGroups : mostGroups + 1);
  const out: ChartSeries[] = shown.map(([name, group], i) => ({
    id: name,
    label: label(name),
    values: group.values,
    tone: i < mostGroups ? i : "other",
  }));
  const hidden = ordered.slice(shown.length);
  if (others || hidden.length > 0) {
    const values = rest.map((value, i) => hidden.reduce((sum, [, g]) => sum + (g.values[i] ?? 0), value));
    out.push({ id: " other", label: otherLabel, values, tone: "other" });
  }
  return out;
}

/** Figures of ungrouped sums over the buckets; where nothing was asked there is none. */
export function seriesOfFigures(
  sums: readonly UsageSum[],
  buckets: readonly number[],
  figures: readonly {
    id: string;
    label: string;
    of: (sum: UsageSum) => number | null;
    tone?: ChartSeries["tone"];
  }[],
): ChartSeries[] {
  const at = new Map(sums.map((sum) => [sum.start_time, sum]));
  return figures.map(({ id, label, of, tone }) => ({
    id,
    label,
    values: buckets.map((start) => {
      const sum = at.get(start);
      return sum ? of(sum) : null;
    }),
    ...(tone !== undefined && { tone }),
  }));
}

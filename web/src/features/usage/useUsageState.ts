import { type Params, useParamsState } from "@/components/console/search";
import { type Dimension, dimensions, filterParams, type FilterDimension, type Filters } from "./api";
import { type Period, readPeriod } from "./period";

export const tabs = ["cost", "activity", "latency", "requests"] as const;
export type Tab = (typeof tabs)[number];

export type UsageState = {
  tab: Tab;
  period: Period;
  group: Dimension;
  filters: Filters;
  /** The first second of the bucket that is looked into. */
  at: number | null;
  set: (change: Params, options?: { push?: boolean }) => void;
};

const oneOf = <T extends string>(all: readonly T[], value: string | undefined, or: T): T =>
  all.find((v) => v === value) ?? or;

/** What the page shows stands in the address: `tab`, `t` (the time), `group`, a name for each filter, `at`. */
export function useUsageState(): UsageState {
  const [params, set] = useParamsState();
  const period = readPeriod(params.t);
  const filters: Filters = {};
  for (const d of Object.keys(filterParams) as FilterDimension[]) {
    const value = params[d];
    if (value !== undefined) filters[d] = value;
  }
  const at = period.buckets.find((start) => String(start) === params.at) ?? null;
  return {
    tab: oneOf(tabs, params.tab, "cost"),
    period,
    group: oneOf(dimensions, params.group, "model"),
    filters,
    at,
    set,
  };
}

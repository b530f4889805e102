/** What a day cost: `start` in seconds since 1970. */
type Day = { start: number; cost: number };

/**
 * The sum of a month's costs day by day, for a chart against its limits: null for days that have not begun.
 * `buckets` are the first seconds of the month's days.
 */
export function runningTotal(
  buckets: readonly number[],
  days: readonly Day[],
  now = Date.now() / 1000,
): (number | null)[] {
  const costs = new Map(days.map((day) => [day.start, day.cost]));
  let sum = 0;
  return buckets.map((start) => {
    sum += costs.get(start) ?? 0;
    return start > now ? null : sum;
  });
}

/** Reads an amount of dollars from a field: null for an empty one, NaN for what is none. */
export function amountOf(text: string): number | null {
  const trimmed = text.trim().replace(/^\$/, "");
  if (trimmed === "") return null;
  return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : NaN;
}

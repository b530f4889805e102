/** Arithmetic of charts, without React. */

/** The ticks of an axis from 0 to what holds `max`: steps of 1, 2, 2.5 or 5 times a power of ten; whole numbers for what is counted. */
export function ticks(max: number, whole = false, most = 4): number[] {
  if (!(max > 0) || !Number.isFinite(max)) return [0, 1];
  const rough = max / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [1, 2, 2.5, 5, 10].map((n) => n * power).filter((s) => !whole || Number.isInteger(s));
  const step = steps.find((s) => s >= rough * (1 - 1e-9)) ?? Math.max(10 * power, whole ? 1 : 0);
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  // Multiplied, not added up, and cut to what a number of that size can mean.
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** Every how many buckets a label stands, so that labels of `labelWidth` pixels do not touch. */
export function labelEvery(buckets: number, width: number, labelWidth: number): number {
  const fits = Math.max(1, Math.floor(width / labelWidth));
  const rough = Math.ceil(buckets / fits);
  return [1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 15, 20, 24, 30, 48, 60].find((n) => n >= rough) ?? rough;
}

/** The edges of a bucket's bar in whole pixels: bars of one width, and a gap where there is room for it. */
export function barAt(index: number, buckets: number, width: number): { x: number; width: number } {
  const step = width / buckets;
  const gap = step >= 6 ? Math.min(10, Math.round(step * 0.22)) : step >= 3 ? 1 : 0;
  const wide = gap === 0 ? step : Math.max(1, Math.min(44, Math.floor(step - gap)));
  return { x: index * step + (step - wide) / 2, width: wide };
}

/** Points of a line with its gaps: one path for each run of values. */
export function linePaths(
  values: readonly (number | null)[],
  x: (i: number) => number,
  y: (v: number) => number,
): { path: string; single: boolean }[] {
  const out: { path: string; single: boolean }[] = [];
  let run: string[] = [];
  const end = () => {
    if (run.length > 0) out.push({ path: `M${run.join("L")}`, single: run.length === 1 });
    run = [];
  };
  values.forEach((value, i) => {
    if (value === null) end();
    else run.push(`${x(i).toFixed(1)},${y(value).toFixed(1)}`);
  });
  end();
  return out;
}

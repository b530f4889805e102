import { useTranslation } from "react-i18next";
import type { ChartProps } from "./Chart";

/** The figures of a chart in its place: a row for each bucket, scrolled inside. */
export function ChartTable({ label, kind, buckets, series, format, onSelect, hint }: ChartProps) {
  const { t } = useTranslation();
  const totals = series.map((s) => s.values.reduce<number>((a, b) => a + (b ?? 0), 0));
  const stacked = kind === "bars" && series.length > 1;
  const all = (index: number) => series.reduce((a, s) => a + (s.values[index] ?? 0), 0);
  return (
    <div className="size-full overflow-auto rounded-lg border" tabIndex={0} role="region" aria-label={label}>
      <table className="w-full border-separate border-spacing-0 text-sm tabular-nums">
        <thead className="text-xs text-muted-foreground *:*:sticky *:*:top-0 *:*:z-10 *:*:border-b *:*:bg-card *:*:px-3 *:*:py-2 *:*:font-medium *:*:whitespace-nowrap">
          <tr>
            <th scope="col" className="text-start">
              {t("chart.time")}
            </th>
            {stacked && (
              <th scope="col" className="text-end">
                {t("chart.total")}
              </th>
            )}
            {series.map((s) => (
              <th key={s.id} scope="col" className="text-end">
                {s.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="*:*:px-3 *:*:py-1.5 *:*:whitespace-nowrap">
          {buckets.map((bucket, i) => (
            <tr key={bucket.id} className="hover:bg-surface">
              <th scope="row" className="text-start font-normal">
                {onSelect ? (
                  <button
                    type="button"
                    title={hint}
                    className="underline decoration-border underline-offset-4 hover:decoration-current"
                    onClick={() => onSelect(bucket, i)}
                  >
                    {bucket.title}
                  </button>
                ) : (
                  bucket.title
                )}
              </th>
              {stacked && <td className="text-end">{format(all(i))}</td>}
              {series.map((s) => {
                const value = s.values[i] ?? null;
                return (
                  <td key={s.id} className="text-end">
                    {value === null ? <span aria-label={t("chart.nothing")}>–</span> : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
        {kind === "bars" && (
          <tfoot className="*:*:sticky *:*:bottom-0 *:*:border-t *:*:bg-card *:*:px-3 *:*:py-2 *:*:font-medium *:*:whitespace-nowrap">
            <tr>
              <th scope="row" className="text-start">
                {t("chart.total")}
              </th>
              {stacked && <td className="text-end">{format(totals.reduce((a, b) => a + b, 0))}</td>}
              {totals.map((total, k) => (
                <td key={series[k]?.id} className="text-end">
                  {format(total)}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

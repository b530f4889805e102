import { BarChart3, Table2 } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { ChartTable } from "./ChartTable";
import { barAt, labelEvery, linePaths, ticks } from "./chart-scale";

/** A piece of time on the axis. `label` stands below it, short; `title` names it in full where it stands alone. */
export type ChartBucket = { id: string; label: string; title: string };

/** One value for each bucket; null is none. `tone` is a colour by its number, or a meaning; left out, its place in the list. */
export type ChartSeries = {
  id: string;
  label: string;
  values: readonly (number | null)[];
  tone?: number | "danger" | "other";
};

export type ChartProps = {
  /** What is shown, for those who hear it: "Cost by day". */
  label: string;
  /** Bars stand on each other, so their values are to be added up; lines are compared. */
  kind: "bars" | "lines";
  buckets: readonly ChartBucket[];
  series: readonly ChartSeries[];
  /** A value as it is read, with its unit; also on the axis unless formatTick is there. */
  format: (value: number) => string;
  formatTick?: (value: number) => string;
  /** The values are counts: the axis has no fractions. */
  whole?: boolean;
  /** A bucket was clicked, or Enter pressed on it. `hint` says what that does. */
  onSelect?: (bucket: ChartBucket, index: number) => void;
  hint?: string;
  /** Id of the bucket that is looked into. */
  selected?: string | undefined;
  loading?: boolean;
  /** What stands there when no bucket has a value above 0. */
  empty?: string;
  /** Height of the plot in pixels: it is the same whatever is in it, so that nothing jumps. */
  height?: number;
  className?: string;
};

const left = 52; // pixels for the numbers of the axis
const bottom = 22; // and for the names of the buckets
const top = 8;

function toneOf(series: ChartSeries, index: number): string {
  const tone = series.tone ?? index;
  return typeof tone === "number" ? `var(--chart-${(tone % 8) + 1})` : `var(--chart-${tone})`;
}

/** Lines also differ by their dashes, for those who cannot tell colours apart. */
const dashes = [undefined, "6 4", "2 3", "10 3 2 3"];

const sum = (values: readonly (number | null)[]) => values.reduce<number>((a, b) => a + (b ?? 0), 0);

/**
 * Stacked bars or lines over time. One tab stop: arrow keys go from bucket to bucket, whose values are read out; the same
 * figures stand in a table a switch away. Drawn as SVG of our own: see docs/DEPENDENCIES.md.
 */
export function Chart({ empty, height = 220, className, loading = false, ...props }: ChartProps) {
  const { t } = useTranslation();
  const [table, setTable] = useState(false);
  const hasValues = props.series.some((s) => s.values.some((v) => v !== null && v > 0));
  return (
    <figure data-slot="chart" aria-busy={loading} className={cn("grid min-w-0 gap-2", className)}>
      <div className="relative min-w-0" style={{ height: height + bottom + top }}>
        {table ? (
          <ChartTable {...props} />
        ) : (
          <Plot {...props} height={height} faded={loading} hasValues={hasValues} />
        )}
        {!table && !hasValues && !loading && (
          <p
            className="pointer-events-none absolute inset-0 grid place-items-center px-4 text-center text-sm text-muted-foreground"
            style={{ paddingInlineStart: left, paddingBottom: bottom }}
          >
            {empty ?? t("chart.empty")}
          </p>
        )}
      </div>
      <figcaption className="flex min-h-8 items-start justify-between gap-3">
        <Legend series={props.series} kind={props.kind} />
        <button
          type="button"
          aria-pressed={table}
          onClick={() => setTable(!table)}
          className="inline-flex h-8 shrink-0 items-center gap-1.5 rounded-lg px-2 text-xs font-medium text-muted-foreground hover:bg-surface-hover hover:text-foreground [&_svg]:size-3.5"
        >
          {table ? <BarChart3 aria-hidden /> : <Table2 aria-hidden />}
          {table ? t("chart.asChart") : t("chart.asTable")}
        </button>
      </figcaption>
    </figure>
  );
}

function Legend({ series, kind }: Pick<ChartProps, "series" | "kind">) {
  return (
    <ul className="flex min-w-0 flex-wrap gap-x-4 gap-y-1 pt-1.5 text-xs text-muted-foreground">
      {series.map((s, i) => (
        <li key={s.id} className="flex min-w-0 items-center gap-1.5">
          <Swatch series={s} index={i} kind={kind} />
          <span className="truncate">{s.label}</span>
        </li>
      ))}
    </ul>
  );
}

function Swatch({ series, index, kind }: { series: ChartSeries; index: number; kind: ChartProps["kind"] }) {
  const colour = toneOf(series, index);
  if (kind === "lines") {
    return (
      <svg aria-hidden width="18" height="8" className="shrink-0">
        <path
          d="M0,4H18"
          stroke={colour}
          strokeWidth="2"
          strokeDasharray={dashes[index % dashes.length]}
          fill="none"
        />
      </svg>
    );
  }
  return <span aria-hidden className="size-2.5 shrink-0 rounded-sm" style={{ background: colour }} />;
}

type PlotProps = Omit<ChartProps, "empty" | "className" | "loading" | "height"> & {
  height: number;
  faded: boolean;
  hasValues: boolean;
};

function Plot(props: PlotProps) {
  const {
    label,
    kind,
    buckets,
    series,
    format,
    formatTick = format,
    onSelect,
    hint,
    selected,
    height,
  } = props;
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const [outer, setOuter] = useState(0);
  const [active, setActive] = useState<number | null>(null);
  const [focused, setFocused] = useState(false);
  const hintId = useId();

  // Before the first paint, so that nothing is drawn in a width that is not the real one.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setOuter(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const width = Math.max(0, outer - left);
  const count = Math.max(1, buckets.length);
  const step = width / count;
  const totals = buckets.map((_, i) => sum(series.map((s) => s.values[i] ?? null)));
  const highest =
    kind === "bars"
      ? Math.max(0, ...totals)
      : Math.max(0, ...series.flatMap((s) => s.values.map((v) => v ?? 0)));
  const marks = ticks(highest, props.whole);
  const reach = marks.at(-1) ?? 1;
  const y = (value: number) => top + height - (value / reach) * height;
  const centre = (i: number) => (i + 0.5) * step;
  const labels = labelEvery(count, width, 12 + 7 * Math.max(3, ...buckets.map((b) => b.label.length)));
  const now = active === null ? null : Math.min(active, buckets.length - 1);
  const chosen = buckets.findIndex((b) => b.id === selected);

  const at = (event: PointerEvent) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    return Math.max(0, Math.min(buckets.length - 1, Math.floor(x / step)));
  };
  const choose = (index: number) => {
    const bucket = buckets[index];
    if (bucket) onSelect?.(bucket, index);
  };
  const move = (event: KeyboardEvent) => {
    const from = now ?? buckets.length - 1;
    const page = Math.max(2, Math.round(buckets.length / 5));
    const moves: Record<string, number> = {
      ArrowRight: from + 1,
      ArrowUp: from + 1,
      ArrowLeft: from - 1,
      ArrowDown: from - 1,
      PageUp: from + page,
      PageDown: from - page,
      Home: 0,
      End: buckets.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(buckets.length - 1, to)));
    } else if ((event.key === "Enter" || event.key === " ") && onSelect) {
      event.preventDefault();
      choose(from);
    } else if (event.key === "Escape" && active !== null) {
      event.stopPropagation();
      setActive(null);
    }
  };

  const spoken = (index: number): string => {
    const bucket = buckets[index];
    if (!bucket) return t("chart.empty");
    const parts = series
      .map((s) => ({ label: s.label, value: s.values[index] ?? null }))
      .filter((p) => p.value !== null && (kind === "lines" || p.value > 0))
      .map((p) => `${p.label} ${format(p.value ?? 0)}`);
    const total = kind === "bars" ? ` ${format(totals[index] ?? 0)}.` : "";
    return `${bucket.title}:${total} ${parts.length > 0 ? parts.join(", ") : t("chart.nothing")}`;
  };
  const current = now ?? Math.max(0, buckets.length - 1);

  return (
    <div
      ref={box}
      className={cn("relative size-full transition-opacity", props.faded && "opacity-50")}
      data-slot="chart-plot"
    >
      <svg aria-hidden width={outer} height={height + bottom + top} className="block overflow-visible">
        {marks.map((mark) => (
          <g key={mark}>
            <line
              x1={left}
              x2={outer}
              y1={y(mark)}
              y2={y(mark)}
              stroke="var(--border)"
              shapeRendering="crispEdges"
            />
            <text
              x={left - 8}
              y={y(mark)}
              dy="0.32em"
              textAnchor="end"
              fontSize="11"
              fill="var(--muted-foreground)"
              className="tabular-nums"
            >
              {props.hasValues || mark === 0 ? formatTick(mark) : ""}
            </text>
          </g>
        ))}
        <g transform={`translate(${left} 0)`}>
          {chosen >= 0 && (
            <rect
              x={chosen * step}
              y={top}
              width={step}
              height={height}
              fill="var(--ring)"
              opacity="0.16"
              shapeRendering="crispEdges"
            />
          )}
          {now !== null && (
            <rect
              x={now * step}
              y={top}
              width={Math.max(1, step)}
              height={height}
              fill="var(--foreground)"
              opacity="0.07"
            />
          )}
          {buckets.map(
            (bucket, i) =>
              i % labels === 0 && (
                <text
                  key={bucket.id}
                  x={centre(i)}
                  y={top + height + 16}
                  // The first and the last keep inside.
                  textAnchor={centre(i) < 16 ? "start" : centre(i) > width - 16 ? "end" : "middle"}
                  dx={centre(i) < 16 ? -centre(i) : centre(i) > width - 16 ? width - centre(i) : 0}
                  fontSize="11"
                  fill="var(--muted-foreground)"
                  className="tabular-nums"
                >
                  {bucket.label}
                </text>
              ),
          )}
          {kind === "bars" ? (
            <Bars series={series} buckets={buckets} width={width} y={y} />
          ) : (
            <Lines series={series} centre={centre} y={y} active={now} />
          )}
        </g>
      </svg>
      {/* One tab stop for all buckets: its value is the bucket, which screen readers read with each key. */}
      <div
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-describedby={hintId}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, buckets.length - 1)}
        aria-valuenow={current}
        aria-valuetext={spoken(current)}
        onKeyDown={move}
        onFocus={(event) => {
          setFocused(true);
          if (event.currentTarget.matches(":focus-visible")) setActive(chosen >= 0 ? chosen : current);
        }}
        onBlur={() => {
          setFocused(false);
          setActive(null);
        }}
        onPointerMove={(event) => setActive(at(event))}
        onPointerDown={(event) => setActive(at(event))}
        onPointerLeave={(event) => {
          if (event.pointerType === "mouse" && !(focused && event.currentTarget.matches(":focus-visible")))
            setActive(null);
        }}
        onClick={() => {
          if (now !== null) choose(now);
        }}
        className={cn("absolute touch-pan-y rounded-sm", onSelect && "cursor-pointer")}
        style={{ insetInlineStart: left, insetInlineEnd: 0, top, height }}
      />
      <span id={hintId} className="sr-only">
        {t("chart.keys")} {onSelect && hint}
      </span>
      {now !== null && buckets[now] && (
        <Readout {...props} index={now} total={totals[now] ?? 0} x={left + centre(now)} outer={outer} />
      )}
    </div>
  );
}

function Bars({
  series,
  buckets,
  width,
  y,
}: Pick<ChartProps, "series" | "buckets"> & { width: number; y: (v: number) => number }) {
  return buckets.map((bucket, i) => {
    const bar = barAt(i, buckets.length, width);
    let below = 0;
    return (
      <g key={bucket.id}>
        {series.map((s, k) => {
          const value = s.values[i] ?? 0;
          if (value <= 0) return null;
          const foot = y(below);
          below += value;
          const head = y(below);
          // What is there can be seen, also when it is next to nothing of the highest bar.
          const high = Math.max(foot - head, below === value ? 1.5 : 0.5);
          return (
            <rect
              key={s.id}
              x={bar.x}
              y={foot - high}
              width={bar.width}
              height={high}
              fill={toneOf(s, k)}
              // A line between parts, where they are large enough to have one.
              stroke={high > 4 && bar.width > 4 ? "var(--card)" : "none"}
              strokeWidth="1"
            />
          );
        })}
      </g>
    );
  });
}

function Lines({
  series,
  centre,
  y,
  active,
}: Pick<ChartProps, "series"> & {
  centre: (i: number) => number;
  y: (v: number) => number;
  active: number | null;
}) {
  return series.map((s, k) => {
    const colour = toneOf(s, k);
    const value = active === null ? null : (s.values[active] ?? null);
    return (
      <g key={s.id}>
        {linePaths(s.values, centre, y).map(({ path, single }) =>
          single ? (
            <path
              key={path}
              d={`${path}h0.01`}
              stroke={colour}
              strokeWidth="5"
              strokeLinecap="round"
              fill="none"
            />
          ) : (
            <path
              key={path}
              d={path}
              stroke={colour}
              strokeWidth="2"
              strokeLinejoin="round"
              strokeDasharray={dashes[k % dashes.length]}
              fill="none"
            />
          ),
        )}
        {active !== null && value !== null && (
          <circle
            cx={centre(active)}
            cy={y(value)}
            r="3.5"
            fill={colour}
            stroke="var(--card)"
            strokeWidth="1.5"
          />
        )}
      </g>
    );
  });
}

const mostLines = 9;

/** The values of a bucket, beside it. Screen readers have them from the slider. */
function Readout({
  kind,
  buckets,
  series,
  format,
  hint,
  onSelect,
  index,
  total,
  x,
  outer,
}: PlotProps & { index: number; total: number; x: number; outer: number }) {
  const { t } = useTranslation();
  const lines = series
    .map((s, k) => ({ s, k, value: s.values[index] ?? null }))
    .filter((l) => l.value !== null && (kind === "lines" || l.value > 0));
  if (kind === "bars") lines.sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const onRight = x < outer / 2;
  return (
    <div
      aria-hidden
      data-slot="chart-readout"
      className="pointer-events-none absolute top-0 z-20 grid max-w-[min(20rem,75%)] min-w-40 gap-1.5 rounded-lg border bg-popover px-3 py-2 text-xs shadow-panel"
      style={
        onRight ? { left: Math.min(x + 14, outer - 170) } : { right: Math.min(outer - x + 14, outer - 170) }
      }
    >
      <p className="flex justify-between gap-4 font-medium">
        <span>{buckets[index]?.title}</span>
        {kind === "bars" && <span className="tabular-nums">{format(total)}</span>}
      </p>
      {lines.slice(0, mostLines).map(({ s, k, value }) => (
        <p key={s.id} className="flex items-center gap-1.5">
          <Swatch series={s} index={k} kind={kind} />
          <span className="min-w-0 grow truncate text-muted-foreground">{s.label}</span>
          <span className="ps-3 tabular-nums">{format(value ?? 0)}</span>
        </p>
      ))}
      {lines.length > mostLines && (
        <p className="text-muted-foreground">{t("chart.more", { count: lines.length - mostLines })}</p>
      )}
      {lines.length === 0 && <p className="text-muted-foreground">{t("chart.nothing")}</p>}
      {onSelect && hint && <p className="text-muted-foreground max-md:hidden">{hint}</p>}
    </div>
  );
}

/**
 * The piece of time that the page is about, as it stands in the address: "2023-11" is a month by days, "2023-11-06" a day
 * by hours, "2023-11-06T13" an hour by minutes. All of it in UTC, as the server sums up.
 */
export type Period = {
  text: string;
  unit: "month" | "day" | "hour";
  /** Seconds since 1970; `end` is the second after the last one. */
  start: number;
  end: number;
  width: "1d" | "1h" | "1m";
  /** The first second of each bucket. */
  buckets: number[];
};

const pad = (n: number) => String(n).padStart(2, "0");
const utc = (year: number, month: number, day = 1, hour = 0) => Date.UTC(year, month, day, hour) / 1000;

/** The earliest year that can be asked for. */
const firstYear = 1970;

export function textOf(unit: Period["unit"], seconds: number): string {
  const at = new Date(seconds * 1000);
  const month = `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}`;
  if (unit === "month") return month;
  const day = `${month}-${pad(at.getUTCDate())}`;
  return unit === "day" ? day : `${day}T${pad(at.getUTCHours())}`;
}

/** Reads a period; what is none is the month of now. */
export function readPeriod(text: string | undefined, now = Date.now() / 1000): Period {
  const parts = /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d))?)?$/.exec(text ?? "");
  const [year, month, day, hour] = (parts ?? []).slice(1).map((part) => (part ? Number(part) : undefined));
  if (year !== undefined && year >= firstYear && month !== undefined) {
    const start = utc(year, month - 1, day ?? 1, hour ?? 0);
    const unit = hour !== undefined ? "hour" : day !== undefined ? "day" : "month";
    // 30 February is a day of March to Date: such a text is none.
    if (textOf(unit, start) === text) return period(unit, start);
  }
  return period("month", monthStart(now));
}

function monthStart(seconds: number): number {
  const at = new Date(seconds * 1000);
  return utc(at.getUTCFullYear(), at.getUTCMonth());
}

function period(unit: Period["unit"], start: number): Period {
  const at = new Date(start * 1000);
  const end =
    unit === "month"
      ? utc(at.getUTCFullYear(), at.getUTCMonth() + 1)
      : start + (unit === "day" ? 86_400 : 3600);
  const step = { month: 86_400, day: 3600, hour: 60 }[unit];
  const buckets = Array.from({ length: Math.round((end - start) / step) }, (_, i) => start + i * step);
  const width = ({ month: "1d", day: "1h", hour: "1m" } as const)[unit];
  return { text: textOf(unit, start), unit, start, end, width, buckets };
}

/** The one before or after, of the same length. */
export function shift(p: Period, by: 1 | -1): string {
  return textOf(p.unit, by > 0 ? p.end : p.start - 1);
}

/** What a bucket is when it is looked into; a minute is as fine as it gets. */
export function inside(p: Period, bucket: number): string | null {
  if (p.unit === "hour") return null;
  return textOf(p.unit === "month" ? "day" : "hour", bucket);
}

/** What the period is a part of. */
export function outside(p: Period): string | null {
  if (p.unit === "month") return null;
  return textOf(p.unit === "day" ? "month" : "day", p.start);
}

/** Whether time goes on in it. */
export function isNow(p: Period, now = Date.now() / 1000): boolean {
  return p.start <= now && now < p.end;
}

/** The months of a picker: from this one back to two years before, and the one on show. */
export function months(shown: Period, now = Date.now() / 1000): string[] {
  const at = new Date(now * 1000);
  const all = Array.from({ length: 24 }, (_, i) =>
    textOf("month", utc(at.getUTCFullYear(), at.getUTCMonth() - i)),
  );
  const own = textOf("month", shown.start);
  return all.includes(own) ? all : [...all, own].sort().reverse();
}

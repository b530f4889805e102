import i18next from "i18next";

/** Dates, numbers and money in the reader's language. Times from the server are seconds since 1970. */

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

/** Formatters are dear to make: one for each language and way. */
function cached<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
  way: string,
  make: (locale: string) => T,
): T {
  const locale = i18next.language || "en";
  const key = `${locale} ${way}`;
  const known = made.get(key) as T | undefined;
  if (known) return known;
  const formatter = make(locale);
  made.set(key, formatter);
  return formatter;
}

/** 12,345 */
export function formatNumber(value: number): string {
  return cached("number", (locale) => new Intl.NumberFormat(locale)).format(value);
}

/** 12.3K, for axes and small places; the whole number belongs beside it or in a tooltip. */
export function formatCompact(value: number): string {
  return cached(
    "compact",
    (locale) => new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }),
  ).format(value);
}

/** 12.3%, from 0.123. */
export function formatPercent(share: number): string {
  return cached(
    "percent",
    (locale) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }),
  ).format(share);
}

/** $1,234.56; small amounts keep the digits that say something: $0.00042. `amount` is in dollars. */
export function formatMoney(amount: number, currency = "USD"): string {
  const small = amount !== 0 && Math.abs(amount) < 0.01;
  return cached(
    `money ${currency} ${small}`,
    (locale) =>
      new Intl.NumberFormat(locale, {
        style: "currency",
        currency,
        ...(small ? { maximumSignificantDigits: 2 } : {}),
      }),
  ).format(amount);
}

/** 21 Nov 2026, in the words of the language. */
export function formatDate(seconds: number): string {
  return cached("date", (locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium" })).format(
    seconds * 1000,
  );
}

/** 21 Nov 2026, from 2026-11-21: a day of a calendar, the same in all time zones. */
export function formatDay(day: string): string {
  return cached(
    "day",
    (locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" }),
  ).format(Date.parse(`${day}T00:00:00Z`));
}

/** 21 Nov 2026, 15:57:03 */
export function formatTime(seconds: number): string {
  return cached(
    "time",
    (locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }),
  ).format(seconds * 1000);
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 hours ago", "in 2 days"; within a minute "now". */
export function formatAgo(seconds: number, now = Date.now() / 1000): string {
  const formatter = cached("ago", (locale) => new Intl.RelativeTimeFormat(locale, { numeric: "auto" }));
  const away = seconds - now;
  const [unit, size] = steps.find(([, step]) => Math.abs(away) >= step) ?? ["second" as const, Infinity];
  return formatter.format(Math.round(away / size) || 0, unit);
}

const bytes = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** 1.4 GB */
export function formatBytes(value: number): string {
  const power = Math.min(bytes.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  const unit = bytes[power] ?? "byte";
  return cached(
    `bytes ${unit}`,
    (locale) =>
      new Intl.NumberFormat(locale, {
        style: "unit",
        unit,
        unitDisplay: unit === "byte" ? "long" : "short", // English would write "16 byte"
        maximumFractionDigits: 1,
      }),
  ).format(value / 1000 ** power);
}

/** 350 ms, 2.4 s */
export function formatDuration(milliseconds: number): string {
  const long = milliseconds >= 1000;
  return cached(
    `duration ${long}`,
    (locale) =>
      new Intl.NumberFormat(locale, {
        style: "unit",
        unit: long ? "second" : "millisecond",
        maximumFractionDigits: long ? 1 : 0,
      }),
  ).format(long ? milliseconds / 1000 : milliseconds);
}

import i18next from "i18next";
import type { Period } from "./period";

const made = new Map<string, Intl.DateTimeFormat>();

function format(seconds: number, options: Intl.DateTimeFormatOptions): string {
  const locale = i18next.language || "en";
  const key = locale + JSON.stringify(options);
  let formatter = made.get(key);
  if (!formatter)
    made.set(key, (formatter = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options })));
  return formatter.format(seconds * 1000);
}

/** Usage is summed up by days, hours and minutes of UTC, and shown so. */
export const time = {
  month: (at: number) => format(at, { month: "long", year: "numeric" }),
  day: (at: number) => format(at, { day: "numeric", month: "long", year: "numeric" }),
  hour: (at: number) =>
    format(at, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  exact: (at: number) => format(at, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }),
  clock: (at: number) => format(at, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  dayOfMonth: (at: number) => String(new Date(at * 1000).getUTCDate()),
};

/** The name of a period, and of its buckets: short for the axis, long where they stand alone. */
export function titleOf(p: Period): string {
  return { month: time.month, day: time.day, hour: time.hour }[p.unit](p.start);
}

export function bucketsOf(p: Period): { id: string; label: string; title: string }[] {
  const short = p.unit === "month" ? time.dayOfMonth : time.clock;
  const long = p.unit === "month" ? time.day : time.hour;
  return p.buckets.map((at) => ({ id: String(at), label: short(at), title: long(at) }));
}

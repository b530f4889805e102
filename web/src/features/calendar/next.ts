import type { Entry } from "./api";

/** Something that the calendar says will happen. */
export type Change = {
  /** 2024-01-04, of which midnight UTC counts. */
  day: string;
  name: string;
  what: "move" | "announced" | "shutdown";
  /** The snapshot that it moves to, or what is to be used instead. */
  to?: string;
  /** After its shutdown programs are refused. */
  fails: boolean;
};

/** What happens after a day, the soonest first. */
export function changesAfter(entries: readonly Entry[], today: string): Change[] {
  const out: Change[] = [];
  for (const entry of entries) {
    const name = entry.name ?? "";
    const fails = entry.after === "fail";
    const add = (day: string | undefined, what: Change["what"], to?: string) => {
      if (isDay(day) && day > today) out.push({ day, name, what, fails, ...(to !== undefined && { to }) });
    };
    for (const move of entry.moves ?? []) add(move.from, "move", move.to);
    add(entry.announced, "announced", entry.replacement);
    add(entry.shutdown, "shutdown", entry.replacement);
  }
  return out.sort((a, b) => a.day.localeCompare(b.day) || a.name.localeCompare(b.name));
}

/** "never" takes a day back, and is none. */
export function isDay(day: string | undefined): day is string {
  return day !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(day);
}

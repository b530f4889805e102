import type { Changes, Entry, Scope } from "./api";

/** A day in the form: as the layers below say, on a day, or never. */
export type DayChoice = { how: "keep" | "on" | "never"; day: string };

const texts = ["served", "replacement", "encoding", "owned_by"] as const;
const numbers = ["window", "dimensions"] as const;
export const prices = [
  "input_price",
  "cached_price",
  "output_price",
  "image_price",
  "minute_price",
  "speech_price",
] as const;

/** What is typed; an empty text keeps what the layers below say. */
export type Draft = Record<
  (typeof texts)[number] | (typeof numbers)[number] | (typeof prices)[number],
  string
> & {
  kind: "" | "chat" | "completion" | "edit" | "embedding";
  after: "" | "keep" | "fail";
  count: "" | "native" | "encoding";
  announced: DayChoice;
  shutdown: DayChoice;
  /** null: as the layers below say. */
  moves: { from: string; to: string }[] | null;
};

/** What this layer has changed, of all that the entry says. */
export function changesOf(entry: Entry | undefined, scope: Scope): Partial<Changes> {
  return entry?.layer === scope ? (entry.changes ?? {}) : {};
}

export function draftOf(changes: Partial<Changes>): Draft {
  const word = (value: string | number | undefined) => (value === undefined ? "" : String(value));
  const day = (value: string | undefined): DayChoice =>
    value === undefined || value === ""
      ? { how: "keep", day: "" }
      : value === "never"
        ? { how: "never", day: "" }
        : { how: "on", day: value };
  const out = {
    kind: changes.kind ?? "",
    after: changes.after ?? "",
    count: changes.count ?? "",
    announced: day(changes.announced),
    shutdown: day(changes.shutdown),
    moves: changes.moves ?? null,
  } as Draft;
  for (const name of [...texts, ...numbers, ...prices]) out[name] = word(changes[name]);
  return out;
}

/** What is sent: only what was said. `serves` and `created`, which the form does not show, stay as they were changed. */
export function bodyOf(draft: Draft, before: Partial<Changes>): Changes {
  const out: Record<string, unknown> = {};
  for (const name of ["serves", "created"] as const) if (before[name] !== undefined) out[name] = before[name];
  for (const name of texts) if (draft[name].trim() !== "") out[name] = draft[name].trim();
  for (const name of [...numbers, ...prices]) {
    // "1,000" and "0,5" are no numbers for the server either: what is no number is sent as it is, for its words.
    if (draft[name].trim() !== "")
      out[name] = Number.isNaN(Number(draft[name])) ? draft[name] : Number(draft[name]);
  }
  for (const name of ["kind", "after", "count"] as const) if (draft[name] !== "") out[name] = draft[name];
  for (const name of ["announced", "shutdown"] as const) {
    if (draft[name].how === "never") out[name] = "never";
    if (draft[name].how === "on" && draft[name].day !== "") out[name] = draft[name].day;
  }
  if (draft.moves !== null) out.moves = draft.moves.filter((move) => move.from !== "" || move.to !== "");
  return out as Changes;
}

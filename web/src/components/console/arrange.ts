/** Sorting, searching and paging of rows that are all here; what the server sorts or pages, it sorts or pages. */

export type Value = string | number | null | undefined;

export type Arrangement<T> = {
  /** Words that a row must have, all of them, anywhere. */
  query: string;
  /** What a row can be found by. */
  textOf: (row: T) => string;
  /** What a row is sorted by; left out: the order that they came in. */
  sortBy?: ((row: T) => Value) | undefined;
  descending: boolean;
  matches: (row: T) => boolean;
  locale: string;
};

/** Rows without a value come last in either direction: they are what nobody looks for. */
export function arrange<T>(rows: readonly T[], how: Arrangement<T>): T[] {
  const words = fold(how.query).split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => {
    if (!how.matches(row)) return false;
    if (words.length === 0) return true;
    const text = fold(how.textOf(row));
    return words.every((word) => text.includes(word));
  });
  const { sortBy } = how;
  if (!sortBy) return found;
  const collator = new Intl.Collator(how.locale, { numeric: true, sensitivity: "base" });
  const compare = (a: string | number, b: string | number) =>
    typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  return found
    .map((row) => ({ row, value: sortBy(row) }))
    .sort((a, b) => {
      const [x, y] = [a.value ?? null, b.value ?? null];
      if (x === null || y === null) return Number(x === null) - Number(y === null);
      return how.descending ? compare(y, x) : compare(x, y);
    })
    .map(({ row }) => row);
}

/** Case and accents do not keep anybody from finding a row. Hangul stays whole: NFC after the marks are gone. */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFC")
    .toLocaleLowerCase();
}

export const pageSize = 25;

/** The page's rows and the number of pages; a page that is past the end is the last one. */
export function pageOf<T>(rows: readonly T[], page: number): { rows: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(rows.length / pageSize));
  const at = Math.min(Math.max(1, Math.floor(page) || 1), pages);
  return { rows: rows.slice((at - 1) * pageSize, at * pageSize), page: at, pages };
}

/** The part of a text that the model wrote: from start to before end, in UTF-16 units. */
export type Mark = { start: number; end: number };

/** Where the mark is after the text was changed by hand; null when nothing of it is left. */
export function follow(mark: Mark | null, before: string, after: string): Mark | null {
  if (!mark || before === after) return mark;
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same++;
  let tail = 0;
  while (
    tail < before.length - same &&
    tail < after.length - same &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  // What was written in place of before[same, end) belongs to whoever typed it, unless it stands inside the mark.
  const end = before.length - tail;
  const grown = after.length - before.length;
  const moved = (at: number) => (at <= same ? at : at >= end ? at + grown : null);
  const inside = same > mark.start && end < mark.end;
  if (inside) return { start: mark.start, end: mark.end + grown };
  const start = moved(mark.start) ?? end + grown;
  const stop = moved(mark.end) ?? same;
  return stop > start ? { start, end: stop } : null;
}

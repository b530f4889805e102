/**
 * What a screen reader should be told next of a growing answer: whole sentences only, since a region that
 * changes with every token is never read to its end. Returns the new part and how far the text is told.
 */
export function nextAnnouncement(
  text: string,
  told: number,
  finished: boolean,
): { say: string; told: number } {
  if (finished) return { say: text.slice(told).trim(), told: text.length };
  const fresh = text.slice(told);
  const ends = [...fresh.matchAll(/[.!?…。！？](?=\s)|\n/g)];
  const last = ends.at(-1);
  if (!last) return { say: "", told };
  const end = told + last.index + 1;
  return { say: text.slice(told, end).trim(), told: end };
}

/** What an act changed, member by member. */
export type Change = { name: string; before: string | null; after: string | null };

/** Members of either, those that differ first; text as people read it. */
export function changes(before: unknown, after: unknown): Change[] {
  const [old, now] = [members(before), members(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names
    .map((name) => ({ name, before: show(old[name]), after: show(now[name]) }))
    .sort((a, b) => Number(a.before === a.after) - Number(b.before === b.after));
}

/** What is no object is one without a name. */
function members(value: unknown): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  return { "": value };
}

function show(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a key may do, between the server's scopes and the rows of a form. */

export const groups = [
  "models",
  "chat",
  "completions",
  "embeddings",
  "files",
  "fine_tuning",
  "assistants",
  "images",
  "audio",
  "moderations",
] as const;

export type Group = (typeof groups)[number];
export type Level = "none" | "read" | "write";
export type Levels = Record<Group, Level>;

export const noLevels = Object.fromEntries(groups.map((group) => [group, "none"])) as Levels;

/** The form's rows, and what has none there: scopes that programs gave. */
export function levelsOf(scopes: readonly string[]): { levels: Levels; others: string[] } {
  const levels = { ...noLevels };
  const others: string[] = [];
  for (const scope of scopes) {
    const [group = "", verb = ""] = scope.split(".");
    const known = groups.find((name) => name === group);
    if (known === undefined || !["read", "write", "*"].includes(verb)) others.push(scope);
    else if (verb !== "read") levels[known] = "write";
    else if (levels[known] === "none") levels[known] = "read";
  }
  return { levels, others };
}

/** The scopes of a form: those that a group had stay as they were while its row was not touched. */
export function scopesOf(levels: Levels, before: readonly string[]): string[] {
  const { levels: old, others } = levelsOf(before);
  const scopes = groups.flatMap((group) => {
    if (levels[group] === old[group]) return before.filter((scope) => scope.startsWith(`${group}.`));
    if (levels[group] === "none") return [];
    return [levels[group] === "read" ? `${group}.read` : `${group}.*`];
  });
  return [...new Set([...scopes, ...others])];
}

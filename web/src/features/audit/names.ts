/** What an object is called, by the members of it that an act noted. */
export function nameIn(members: unknown): string | undefined {
  if (typeof members !== "object" || members === null) return undefined;
  for (const member of ["name", "email", "model", "subject"]) {
    const value = (members as Record<string, unknown>)[member];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}

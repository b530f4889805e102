/**
 * The organization and the project that this browser acts in, where it is not the session's own: sent along with every
 * request, as OpenAI's own headers. Each tab keeps what it began with.
 */
export type Acting = { organization: string; project: string };

const name = "parley.acting";

function read(): Acting | null {
  try {
    const stored = JSON.parse(localStorage.getItem(name) ?? "null") as Partial<Acting> | null;
    return typeof stored?.organization === "string" && typeof stored.project === "string"
      ? { organization: stored.organization, project: stored.project }
      : null;
  } catch {
    return null;
  }
}

let acting = read();

export function actingHeaders(): Record<string, string> {
  return acting === null
    ? {}
    : { "OpenAI-Organization": acting.organization, "OpenAI-Project": acting.project };
}

/** From the next page on, or in the session's own organization when null: everything on show belongs to the old one. */
export function actAs(next: Acting | null) {
  acting = next;
  try {
    if (next === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(next));
  } catch {
    // Storage is switched off or full: the choice lasts as long as the page.
  }
}

/** Whether a refusal is of the choice, not of the session: a project that was archived, a membership that ended. */
export function isChoiceRefused(code: string | null): boolean {
  return acting !== null && (code === "invalid_organization" || code === "mismatched_project");
}

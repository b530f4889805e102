import { ui } from "./ui";

/**
 * Words that are not sent yet. They stay in this browser, by user, so that a reload, a session that ended or a
 * sign-in link that opened another tab loses none; they go when they are sent, and when the user signs out.
 */
const prefix = "parley.draft:";

let owner: string | null = null;

/** Called whenever it is known who is signed in: brings this user's drafts back, and hides another's. */
export function keepDraftsOf(user: string) {
  if (owner === user) return;
  const others = owner !== null;
  owner = user;
  const kept = stored(user);
  ui.set((state) => ({ ...state, drafts: others ? kept : { ...kept, ...written(state.drafts) } }));
}

export function setDraft(chatId: string, text: string) {
  ui.set((state) => ({ ...state, drafts: { ...state.drafts, [chatId]: text } }));
  if (owner === null) return;
  try {
    const key = `${prefix}${owner}:${chatId}`;
    if (text === "") localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Storage is switched off or full: the draft lasts as long as the page.
  }
}

/** Signing out leaves nothing behind for the next one at this machine. */
export function forgetDrafts() {
  if (owner !== null) for (const chatId of Object.keys(stored(owner))) setDraft(chatId, "");
  owner = null;
  ui.set((state) => ({ ...state, drafts: {} }));
}

function written(drafts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(drafts).filter(([, text]) => text !== ""));
}

function stored(user: string): Record<string, string> {
  const own = `${prefix}${user}:`;
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(own));
    return Object.fromEntries(keys.map((key) => [key.slice(own.length), localStorage.getItem(key) ?? ""]));
  } catch {
    return {};
  }
}

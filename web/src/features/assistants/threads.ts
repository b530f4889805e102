import { createStore } from "@/lib/store";

/** A thread that this browser knows of: the API has no list of threads, as the original's had none. */
export type Known = {
  id: string;
  project: string;
  assistant: string | null;
  /** The beginning of its first message. */
  title: string;
  /** Seconds since 1970, when it was last used here. */
  at: number;
};

const name = "parley.threads";
const most = 200;

export const known = createStore<readonly Known[]>(read());

function read(): Known[] {
  try {
    const all = JSON.parse(localStorage.getItem(name) ?? "[]") as unknown;
    return Array.isArray(all) ? (all as Known[]).filter((one) => typeof one.id === "string") : [];
  } catch {
    return [];
  }
}

function keep(all: readonly Known[]) {
  known.set(all.slice(0, most));
  try {
    localStorage.setItem(name, JSON.stringify(known.get()));
  } catch {
    // Storage is switched off or full: the list lasts as long as the page.
  }
}

/** Notes a thread that is used, in front of the others. What it was called stays. */
export function remember(thread: Omit<Known, "at">) {
  const old = known.get().find(({ id }) => id === thread.id);
  const title = old !== undefined && old.title !== "" ? old.title : thread.title;
  const at = Math.floor(Date.now() / 1000);
  keep([{ ...thread, title, at }, ...known.get().filter(({ id }) => id !== thread.id)]);
}

export function forget(id: string) {
  keep(known.get().filter((thread) => thread.id !== id));
}

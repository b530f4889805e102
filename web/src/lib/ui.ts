import type { Chat } from "@/api/types";
import { touch } from "./media";
import { createStore } from "./store";

/** What is open on the page just now. Commands set it, components follow it; only drafts outlive a reload (drafts.ts). */
type Ui = {
  palette: boolean;
  shortcuts: boolean;
  drawer: boolean;
  models: boolean;
  renaming: Chat | null;
  deleting: Chat | null;
  /** The user message under edit. */
  editing: string | null;
  /** The model chosen for the next message of a chat, where it differs from the chat's own. */
  chosenModels: Readonly<Record<string, string>>;
  /** Words not sent yet, by chat id; "" is the new chat's. */
  drafts: Readonly<Record<string, string>>;
};

export const ui = createStore<Ui>({
  palette: false,
  shortcuts: false,
  drawer: false,
  models: false,
  renaming: null,
  deleting: null,
  editing: null,
  chosenModels: {},
  drafts: {},
});

export function show(change: Partial<Ui>) {
  ui.set((state) => ({ ...state, ...change }));
}

export const composerId = "composer";

export function focusComposer() {
  document.getElementById(composerId)?.focus();
}

/** Where the focus goes when what had it is gone: the message box or, on pages without one, the page's content. */
export function focusPage() {
  (document.getElementById(composerId) ?? document.getElementById("main"))?.focus();
}

/** For a button that goes away when pressed: the focus must not go with it. On touch screens a keyboard would pop up. */
export function keepFocus() {
  if (!window.matchMedia(touch).matches) focusComposer();
}

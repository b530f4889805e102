import type { Chat } from "@/api/types";
import { createStore } from "./store";

/** What is open on the page just now. Commands set it, components follow it; nothing of it outlives a reload. */
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

export function setDraft(chatId: string, text: string) {
  ui.set((state) => ({ ...state, drafts: { ...state.drafts, [chatId]: text } }));
}

export const composerId = "composer";

export function focusComposer() {
  document.getElementById(composerId)?.focus();
}

import {
  Copy,
  MessageSquarePlus,
  PencilLine,
  RotateCcw,
  Square,
  TextCursorInput,
  Trash2,
  UserPen,
} from "lucide-react";
import i18next from "i18next";
import type { Command } from "@/features/commands/command";
import { toast } from "@/components/ui/toaster";
import type { App } from "@/lib/app";
import { copyText } from "@/lib/clipboard";
import { focusComposer, show, ui } from "@/lib/ui";
import { findChat, knownChat, stopMessage } from "./api";
import { textOf } from "./reducer";
import { pathTo, type Step } from "./tree";

export const chatCommands: Command[] = [
  {
    id: "chats.new",
    label: "commands.newChat",
    group: "navigation",
    icon: MessageSquarePlus,
    keys: "mod+shift+o",
    perform: (app) => {
      show({ drawer: false });
      app.go.home();
      requestAnimationFrame(focusComposer);
    },
  },
  {
    id: "chats.composer",
    label: "commands.focusComposer",
    group: "navigation",
    icon: TextCursorInput,
    keys: "shift+escape",
    perform: focusComposer,
  },
  {
    id: "chats.stop",
    label: "commands.stop",
    group: "chat",
    icon: Square,
    keys: "escape",
    available: (app, { chatId }) => chatId !== null && isAnswering(app, chatId),
    perform: (app, { chatId }) => stopAnswer(app, chatId),
  },
  {
    id: "chats.copyAnswer",
    label: "commands.copyAnswer",
    group: "chat",
    icon: Copy,
    keys: "alt+c",
    available: (app, { chatId }) => lastStep(app, chatId, "assistant") !== undefined,
    perform: async (app, { chatId }) => {
      const step = lastStep(app, chatId, "assistant");
      if (step) await copyAndTell(textOf(step.message));
    },
  },
  {
    id: "chats.regenerate",
    label: "commands.regenerate",
    group: "chat",
    icon: RotateCcw,
    keys: "alt+r",
    available: (app, { chatId }) => {
      const step = lastStep(app, chatId, "assistant");
      return step !== undefined && chatId !== null && !isAnswering(app, chatId);
    },
    perform: (app, { chatId }) => {
      const step = lastStep(app, chatId, "assistant");
      if (step && chatId !== null) return regenerate(app, chatId, step.message.id);
    },
  },
  {
    id: "chats.editLast",
    label: "commands.editLast",
    group: "chat",
    icon: UserPen,
    available: (app, { chatId }) =>
      lastStep(app, chatId, "user") !== undefined && chatId !== null && !isAnswering(app, chatId),
    perform: (app, { chatId }) => show({ editing: lastStep(app, chatId, "user")?.message.id ?? null }),
  },
  {
    id: "chats.rename",
    label: "commands.rename",
    group: "chat",
    icon: PencilLine,
    keys: "f2",
    available: (_, { chatId }) => chatId !== null,
    perform: (app, { chatId }) => {
      const chat = chatId === null ? undefined : findChat(app.queryClient, chatId);
      if (chat) show({ renaming: chat });
    },
  },
  {
    id: "chats.delete",
    label: "commands.delete",
    group: "chat",
    icon: Trash2,
    keys: "mod+shift+backspace",
    danger: true,
    available: (_, { chatId }) => chatId !== null,
    perform: (app, { chatId }) => {
      const chat = chatId === null ? undefined : findChat(app.queryClient, chatId);
      if (chat) show({ deleting: chat });
    },
  },
];

function steps(app: App, chatId: string | null): Step[] {
  const state = chatId === null ? undefined : knownChat(app.queryClient, chatId);
  return state ? pathTo(state.messages, state.current_message_id) : [];
}

function lastStep(app: App, chatId: string | null, role: "user" | "assistant"): Step | undefined {
  return steps(app, chatId).findLast((step) => step.message.role === role);
}

function isAnswering(app: App, chatId: string): boolean {
  return app.runs.isActive(chatId) || steps(app, chatId).some((s) => s.message.state === "in_progress");
}

/** Stops the answer, also one that another window or an earlier load of this page has asked for. */
export async function stopAnswer(app: App, chatId: string | null): Promise<void> {
  if (chatId === null) return;
  if (app.runs.isActive(chatId)) return app.runs.stop(chatId);
  const running = steps(app, chatId).find((s) => s.message.state === "in_progress");
  if (running) await stopMessage(chatId, running.message.id);
}

/** Asks again for the answer, by the model that is chosen now. */
export async function regenerate(app: App, chatId: string, answerId: string): Promise<void> {
  const state = knownChat(app.queryClient, chatId);
  const answer = state?.messages.find((m) => m.id === answerId);
  if (!state || !answer?.parent_id) return;
  const model = ui.get().chosenModels[chatId] ?? state.model;
  await app.runs.start({ chatId, parentId: answer.parent_id, text: null, model });
}

export async function copyAndTell(text: string): Promise<boolean> {
  const copied = await copyText(text);
  if (copied) toast(i18next.t("chat.copied"));
  else toast(i18next.t("chat.copyFailed"), "danger");
  return copied;
}

import type { ChatDetail, Message } from "@/api/types";
import type { ChatEvent } from "./events";

/** One chat as the page knows it: the chat and all its messages, every branch, oldest first. */
export type ChatState = ChatDetail;

/** The next state after one event of the stream. Events of messages that are not there change nothing. */
export function reduce(state: ChatState, event: ChatEvent): ChatState {
  switch (event.type) {
    case "message.created":
      return { ...withMessage(state, event.message), current_message_id: event.message.id };
    case "message.delta":
      return mapMessage(state, event.message_id, (message) => appendText(message, event.text));
    case "message.completed":
    case "message.stopped":
    case "message.failed":
      return withMessage(state, event.message);
    case "chat.updated":
      return { ...state, ...event.chat };
    case "error":
    case "done":
      return state;
  }
}

export function textOf(message: Message): string {
  return message.content.map((part) => part.text).join("");
}

function withMessage(state: ChatState, message: Message): ChatState {
  const exists = state.messages.some((m) => m.id === message.id);
  if (exists) return mapMessage(state, message.id, () => message);
  return { ...state, messages: [...state.messages, message] };
}

function mapMessage(state: ChatState, id: string, change: (message: Message) => Message): ChatState {
  const index = state.messages.findIndex((message) => message.id === id);
  const message = state.messages[index];
  return message ? { ...state, messages: state.messages.with(index, change(message)) } : state;
}

function appendText(message: Message, text: string): Message {
  const last = message.content.at(-1);
  if (last === undefined) return { ...message, content: [{ type: "text", text }] };
  return { ...message, content: [...message.content.slice(0, -1), { ...last, text: last.text + text }] };
}

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Chat, Message } from "@/api/types";
import type { ChatState } from "./reducer";

/** Streams that the server's own tests write as goldens; one that changes there is seen here. */
const goldens = path.resolve(import.meta.dirname, "../../../../internal/chats/testdata");

/** A stream of the server; those that need an engine's death or a user's stop lie in testdata/ here. */
export function sse(name: "completed" | "stopped" | "failed"): string {
  const folder = name === "completed" ? goldens : path.join(import.meta.dirname, "testdata");
  return readFileSync(path.join(folder, `${name}.sse`), "utf8");
}

export function chat(change: Partial<Chat> = {}): Chat {
  return {
    id: "chat_01",
    object: "chat",
    title: "New chat",
    model: "gpt-3.5-turbo",
    current_message_id: null,
    created_at: 1790000000,
    updated_at: 1790000000,
    message_count: 0,
    ...change,
  };
}

export function message(id: string, parent: string | null, change: Partial<Message> = {}): Message {
  return {
    id,
    object: "chat.message",
    chat_id: "chat_01",
    parent_id: parent,
    role: "assistant",
    content: [],
    state: "completed",
    model: null,
    served_model: null,
    error: null,
    usage: null,
    created_at: 1790000000,
    ...change,
  };
}

export const emptyChat: ChatState = { ...chat(), messages: [] };

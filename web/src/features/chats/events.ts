import type { Chat, Message } from "@/api/types";
import type { ServerEvent } from "@/lib/sse";

/** What the server says while it answers, decoded. */
export type ChatEvent =
  | { type: "message.created"; message: Message }
  | { type: "message.delta"; message_id: string; text: string }
  | { type: "message.completed" | "message.stopped" | "message.failed"; message: Message }
  | { type: "chat.updated"; chat: Chat }
  | { type: "error"; message: string; code: string | null }
  | { type: "done" };

const known = new Set<string>([
  "message.created",
  "message.delta",
  "message.completed",
  "message.stopped",
  "message.failed",
  "chat.updated",
]);

/**
 * Decodes one event of a chat's stream. Null for events that this version does not know, so that an older page
 * stands beside a newer server. Throws SyntaxError when data is not JSON: the stream is broken then.
 */
export function decodeEvent({ event, data }: ServerEvent): ChatEvent | null {
  if (data === "[DONE]") return { type: "done" };
  const body = JSON.parse(data) as Record<string, unknown>;
  if (known.has(event)) return { ...body, type: event } as ChatEvent;
  const error = body.error as { message?: string; code?: string | null } | undefined;
  if (error) return { type: "error", message: error.message ?? "", code: error.code ?? null };
  return null;
}

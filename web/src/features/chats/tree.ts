import type { Message } from "@/api/types";

/**
 * A chat is a tree: an edited question and an answer asked for again are siblings of the first. One path
 * from a root to a leaf is on show; the chat's current_message_id names its end.
 */
export type Step = {
  message: Message;
  /** All versions at this place, oldest first, the shown one included. */
  siblings: Message[];
  /** Index of the shown one in siblings. */
  index: number;
};

/** messages come as the server keeps them, in the order of their creation; versions of a place keep that order. */
export function pathTo(messages: readonly Message[], leaf: string | null): Step[] {
  const byId = new Map(messages.map((m) => [m.id, m]));
  const children = childrenByParent(messages);
  const steps: Step[] = [];
  const seen = new Set<string>();
  let message = leaf === null ? undefined : byId.get(leaf);
  while (message && !seen.has(message.id)) {
    seen.add(message.id);
    const siblings = children.get(message.parent_id) ?? [];
    steps.push({ message, siblings, index: siblings.indexOf(message) });
    message = message.parent_id === null ? undefined : byId.get(message.parent_id);
  }
  return steps.reverse();
}

/** The leaf that shows when the reader turns to this message: always down the newest child. */
export function newestLeaf(messages: readonly Message[], from: string): string {
  const children = childrenByParent(messages);
  let leaf = from;
  for (let depth = 0; depth <= messages.length; depth++) {
    const newest = children.get(leaf)?.at(-1);
    if (!newest) break;
    leaf = newest.id;
  }
  return leaf;
}

function childrenByParent(messages: readonly Message[]): Map<string | null, Message[]> {
  const children = new Map<string | null, Message[]>();
  for (const message of messages) {
    const siblings = children.get(message.parent_id);
    if (siblings) siblings.push(message);
    else children.set(message.parent_id, [message]);
  }
  return children;
}

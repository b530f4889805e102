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

export function pathTo(messages: readonly Message[], leaf: string | null): Step[] {
  const byId = new Map(messages.map((m) => [m.id, m]));
  const steps: Step[] = [];
  const seen = new Set<string>();
  let message = leaf === null ? undefined : byId.get(leaf);
  while (message && !seen.has(message.id)) {
    seen.add(message.id);
    const siblings = childrenOf(messages, message.parent_id);
    steps.push({ message, siblings, index: siblings.indexOf(message) });
    message = message.parent_id === null ? undefined : byId.get(message.parent_id);
  }
  return steps.reverse();
}

/** The leaf that shows when the reader turns to this message: always down the newest child. */
export function newestLeaf(messages: readonly Message[], from: string): string {
  let leaf = from;
  for (let depth = 0; depth <= messages.length; depth++) {
    const newest = childrenOf(messages, leaf).at(-1);
    if (!newest) break;
    leaf = newest.id;
  }
  return leaf;
}

function childrenOf(messages: readonly Message[], parent: string | null): Message[] {
  return messages.filter((m) => m.parent_id === parent).sort(byAge);
}

function byAge(a: Message, b: Message): number {
  return a.created_at - b.created_at || (a.id < b.id ? -1 : 1);
}

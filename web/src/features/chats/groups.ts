import type { Chat } from "@/api/types";

/** A heading of the chat list: near days by name, older chats by month. */
export type GroupLabel = "today" | "yesterday" | "week" | "month" | { year: number; month: number };
export type Group = { key: string; label: GroupLabel; chats: Chat[] };

const day = 24 * 60 * 60 * 1000;

/** Groups chats (newest first, times in Unix seconds) by the reader's own days. */
export function groupByDay(chats: readonly Chat[], now: Date): Group[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const groups: Group[] = [];
  for (const chat of chats) {
    const label = labelOf(new Date(chat.updated_at * 1000), midnight);
    const key = typeof label === "string" ? label : `${label.year}-${label.month}`;
    const last = groups.at(-1);
    if (last?.key === key) last.chats.push(chat);
    else groups.push({ key, label, chats: [chat] });
  }
  return groups;
}

function labelOf(time: Date, midnight: number): GroupLabel {
  const at = time.getTime();
  if (at >= midnight) return "today";
  if (at >= midnight - day) return "yesterday";
  if (at >= midnight - 7 * day) return "week";
  if (at >= midnight - 30 * day) return "month";
  return { year: time.getFullYear(), month: time.getMonth() };
}

import {
  infiniteQueryOptions,
  type InfiniteData,
  type QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { actingHeaders } from "@/api/acting";
import { api, data, send } from "@/api/client";
import { isNotFound } from "@/api/errors";
import type { Chat, ChatList, NewMessage } from "@/api/types";
import type { App } from "@/lib/app";
import { setDraft } from "@/lib/drafts";
import { type ChatState } from "./reducer";
import { type Ask, createRuns, type Runs } from "./runs";

const pageSize = 40;
const listKey = ["chats", "list"] as const;
const chatKey = (id: string) => ["chats", "one", id] as const;

type Pages = InfiniteData<ChatList, string | undefined>;

export function chatListQuery(query: string) {
  return infiniteQueryOptions({
    queryKey: [...listKey, query],
    queryFn: ({ pageParam }) => {
      const params = { limit: pageSize, ...(pageParam && { after: pageParam }), ...(query && { query }) };
      return data<ChatList>(api.GET("/api/chats", { params: { query: params } }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.has_more ? (page.last_id ?? undefined) : undefined),
    placeholderData: (previous) => previous,
  });
}

/** One chat with all its messages. While an answer streams in, the page's own copy is the newest. */
export function chatQuery(app: App, id: string) {
  return queryOptions({
    queryKey: chatKey(id),
    queryFn: async (): Promise<ChatState> => {
      const fetched = await data(api.GET("/api/chats/{id}", { params: { path: { id } } }));
      const own = app.queryClient.getQueryData<ChatState>(chatKey(id));
      return own && app.runs.isActive(id) ? own : fetched;
    },
    retry: (count, error) => !isNotFound(error) && count < 2,
    // An answer that no stream of this window brings (after a reload, or a broken connection) is asked for.
    refetchInterval: (query) => {
      const unfinished = query.state.data?.messages.some((m) => m.state === "in_progress") ?? false;
      return unfinished && !app.runs.isActive(id) ? 1000 : false;
    },
  });
}

export async function createChat(app: App, model: string): Promise<Chat> {
  const chat = await data<Chat>(api.POST("/api/chats", { body: { model } }));
  app.queryClient.setQueryData<ChatState>(chatKey(chat.id), { ...chat, messages: [] });
  void app.queryClient.invalidateQueries({ queryKey: listKey });
  return chat;
}

export async function renameChat(client: QueryClient, id: string, title: string): Promise<void> {
  const params = { path: { id } };
  const chat = await data<Chat>(api.PATCH("/api/chats/{id}", { params, body: { title } }));
  changeChat(client, id, (state) => ({ ...state, ...chat }));
  changeList(client, (chats) => chats.map((c) => (c.id === id ? chat : c)));
}

export async function deleteChat(client: QueryClient, id: string): Promise<void> {
  // Another window may have been quicker.
  await api.DELETE("/api/chats/{id}", { params: { path: { id } } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  forgetChat(client, id);
}

/** Takes a chat that is no more out of what this window knows. */
export function forgetChat(client: QueryClient, id: string) {
  changeList(client, (chats) => chats.filter((c) => c.id !== id));
  client.removeQueries({ queryKey: chatKey(id) });
  setDraft(id, "");
}

/** Shows another version: at once here, then on the server. */
export async function turnTo(client: QueryClient, id: string, messageId: string): Promise<void> {
  changeChat(client, id, (state) => ({ ...state, current_message_id: messageId }));
  const params = { path: { id } };
  await api.PATCH("/api/chats/{id}", { params, body: { current_message_id: messageId } });
}

export async function stopMessage(chatId: string, messageId: string): Promise<void> {
  const params = { path: { id: chatId, message_id: messageId } };
  await api.POST("/api/chats/{id}/messages/{message_id}/stop", { params });
}

function postMessage(ask: Ask, signal: AbortSignal): Promise<Response> {
  const body: NewMessage = {
    parent_id: ask.parentId,
    model: ask.model,
    ...(ask.text !== null && { content: [{ type: "text" as const, text: ask.text }] }),
  };
  return send(() =>
    fetch(`/api/chats/${encodeURIComponent(ask.chatId)}/messages`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream", ...actingHeaders() },
      body: JSON.stringify(body),
      signal,
    }),
  );
}

/** The runs of this window, with the page's copies of chats as their place to write to. */
export function createChatRuns(client: QueryClient): Runs {
  return createRuns({
    post: postMessage,
    stop: stopMessage,
    update: (id, change) => changeChat(client, id, change),
    taken: () => void client.invalidateQueries({ queryKey: listKey }),
    ended: (id, complete) => {
      if (!complete) void client.invalidateQueries({ queryKey: chatKey(id) });
      void client.invalidateQueries({ queryKey: listKey });
    },
    // A hidden tab gets no frames; its answers must grow all the same.
    schedule: (flush) => (document.hidden ? setTimeout(flush, 250) : requestAnimationFrame(flush)),
  });
}

/** The page's copy of a chat, without asking the server. */
export function knownChat(client: QueryClient, id: string): ChatState | undefined {
  return client.getQueryData<ChatState>(chatKey(id));
}

/** A chat of the list or the one on show. */
export function findChat(client: QueryClient, id: string): Chat | undefined {
  const lists = client.getQueriesData<Pages>({ queryKey: listKey });
  const listed = lists.flatMap(([, pages]) => pages?.pages.flatMap((p) => p.data) ?? []);
  return listed.find((c) => c.id === id) ?? knownChat(client, id);
}

function changeChat(client: QueryClient, id: string, change: (state: ChatState) => ChatState) {
  client.setQueryData<ChatState>(chatKey(id), (state) => state && change(state));
}

function changeList(client: QueryClient, change: (chats: Chat[]) => Chat[]) {
  client.setQueriesData<Pages>({ queryKey: listKey }, (pages) => {
    if (!pages) return pages;
    return { ...pages, pages: pages.pages.map((page) => ({ ...page, data: change(page.data) })) };
  });
}

import { queryOptions } from "@tanstack/react-query";
import { actingHeaders } from "@/api/acting";
import { api, data, send } from "@/api/client";
import { allPages } from "@/api/pages";
import type { Assistant, AssistantBody, Attachment, Message, Run, Step, Thread } from "./types";

/** Asks for the shapes of v2. */
export const beta = { "OpenAI-Beta": "assistants=v2" };

const headers = beta;
export const assistantsKey = ["assistants"] as const;
const threadKey = (id: string) => ["thread", id] as const;

/** Most of a thread that the playground has on show: newest messages, and runs whose steps are read. */
export const most = { messages: 100, runs: 10 };

export const assistantsQuery = queryOptions({
  queryKey: [...assistantsKey, "list"],
  queryFn: () =>
    allPages<Assistant>((query) => data(api.GET("/v1/assistants", { params: { query }, headers }))),
});

export const assistantQuery = (id: string) =>
  queryOptions({
    queryKey: [...assistantsKey, "one", id],
    retry: false,
    queryFn: () =>
      data<Assistant>(
        api.GET("/v1/assistants/{assistant_id}", { params: { path: { assistant_id: id } }, headers }),
      ),
  });

/** Makes an assistant, or changes the one of the id. */
export function saveAssistant(id: string | null, body: AssistantBody): Promise<Assistant> {
  if (id === null) return data(api.POST("/v1/assistants", { body, headers }));
  const params = { path: { assistant_id: id } };
  return data(api.POST("/v1/assistants/{assistant_id}", { params, body, headers }));
}

export async function deleteAssistant(id: string): Promise<void> {
  await api.DELETE("/v1/assistants/{assistant_id}", { params: { path: { assistant_id: id } }, headers });
}

export const vectorStoresQuery = queryOptions({
  queryKey: ["vector_stores", "choices"],
  queryFn: () => allPages((query) => data(api.GET("/v1/vector_stores", { params: { query }, headers }))),
});

export function createThread(): Promise<Thread> {
  return data(api.POST("/v1/threads", { body: {}, headers }));
}

export async function deleteThread(id: string): Promise<void> {
  await api.DELETE("/v1/threads/{thread_id}", { params: { path: { thread_id: id } }, headers });
}

export function addMessage(thread: string, content: string, attachments: Attachment[]): Promise<Message> {
  const params = { path: { thread_id: thread } };
  const body = { role: "user" as const, content, ...(attachments.length > 0 && { attachments }) };
  return data(api.POST("/v1/threads/{thread_id}/messages", { params, body, headers }));
}

export function cancelRun(run: Run): Promise<Run> {
  const params = { path: { thread_id: run.thread_id, run_id: run.id } };
  return data(api.POST("/v1/threads/{thread_id}/runs/{run_id}/cancel", { params, headers }));
}

/** The steps of a run, the oldest first, with the text of what searches found. */
export function stepsOf(thread: string, run: string): Promise<Step[]> {
  const path = { thread_id: thread, run_id: run };
  const found = "step_details.tool_calls[*].file_search.results[*].content" as const;
  return allPages<Step>((query) =>
    data(
      api.GET("/v1/threads/{thread_id}/runs/{run_id}/steps", {
        params: { path, query: { ...query, order: "asc", "include[]": [found] } },
        headers,
      }),
    ),
  );
}

/** A thread as it is now: its newest messages and the steps of its newest runs, the oldest first. */
export type Shown = { messages: Message[]; steps: Step[]; run: Run | null; earlier: boolean };

export async function readThread(thread: string): Promise<Shown> {
  const path = { thread_id: thread };
  const [messages, runs] = await Promise.all([
    data(
      api.GET("/v1/threads/{thread_id}/messages", {
        params: { path, query: { limit: most.messages } },
        headers,
      }),
    ),
    data(api.GET("/v1/threads/{thread_id}/runs", { params: { path, query: { limit: most.runs } }, headers })),
  ]);
  const steps = await Promise.all(runs.data.toReversed().map((run) => stepsOf(thread, run.id)));
  return {
    messages: messages.data.toReversed(),
    steps: steps.flat(),
    run: runs.data[0] ?? null,
    earlier: messages.has_more,
  };
}

export const threadQuery = (id: string) =>
  queryOptions({ queryKey: threadKey(id), retry: false, gcTime: 0, queryFn: () => readThread(id) });

/** An image that a file is, as an address of this page. */
export const imageQuery = (file: string) =>
  queryOptions({
    queryKey: ["files", "image", file],
    staleTime: Infinity,
    retry: false,
    queryFn: async () => {
      const path = `/v1/files/${encodeURIComponent(file)}/content`;
      const response = await send(() => fetch(path, { headers: actingHeaders() }));
      return URL.createObjectURL(await response.blob());
    },
  });

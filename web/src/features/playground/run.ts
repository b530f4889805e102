import { actingHeaders } from "@/api/acting";
import { send } from "@/api/client";
import { ApiError } from "@/api/errors";
import { readEvents } from "@/lib/sse";
import { add, type Answer, nothing, type Wire } from "./answer";
import type { Request } from "./request";

/** What is known of how the answer travelled. Times are milliseconds from the request on. */
export type Facts = { requestId: string | null; first: number | null; total: number | null };

export type Progress = { answer: Answer; facts: Facts };

/** Edits cannot stream, nor can the best of several, which are known at the end only. */
export function streams({ path, body }: Request): boolean {
  if (path === "/v1/edits") return false;
  return typeof body.best_of !== "number" || body.best_of <= Number(body.n ?? 1);
}

/**
 * Sends a request with the browser's session and tells how the answer grows. Rejects with what the API says
 * (ApiError), with Unreachable, or with the AbortError of the signal.
 */
export async function run(
  request: Request,
  signal: AbortSignal,
  tell: (progress: Progress) => void,
): Promise<void> {
  const begun = performance.now();
  const since = () => Math.round(performance.now() - begun);
  const streamed = streams(request);
  const body = streamed
    ? { ...request.body, stream: true, stream_options: { include_usage: true } }
    : request.body;
  const response = await send(() =>
    fetch(request.path, {
      method: "POST",
      headers: { ...actingHeaders(), "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    }),
  );
  const requestId = response.headers.get("x-request-id");
  if (!streamed || response.body === null) {
    const answer = add(nothing, (await response.json()) as Wire);
    tell({ answer, facts: { requestId, first: null, total: since() } });
    return;
  }
  let answer = nothing;
  let first: number | null = null;
  let ended = false;
  for await (const { data } of readEvents(response.body)) {
    if (data === "[DONE]") {
      ended = true;
      break;
    }
    const wire = JSON.parse(data) as Wire & {
      error?: { message?: string; code?: string | null; param?: string | null };
    };
    if (wire.error) {
      const { message = "", code = null } = wire.error;
      throw new ApiError(response.status, message, code, requestId);
    }
    answer = add(answer, wire);
    if (
      first === null &&
      answer.choices.some((c) => c.text !== "" || c.toolCalls.length > 0 || c.functionCall)
    )
      first = since();
    tell({ answer, facts: { requestId, first, total: null } });
  }
  if (!ended)
    throw new ApiError(response.status, "The connection broke before the answer's end.", null, requestId);
  tell({ answer, facts: { requestId, first, total: since() } });
}

import createClient from "openapi-fetch";
import type { paths } from "./schema";
import { type ApiError, errorFrom, Unreachable } from "./errors";

/**
 * The typed client of the server that served this page; the session cookie goes along by itself.
 * A failed answer rejects with ApiError, no answer at all with Unreachable: callers see data only.
 */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: (request) => request_(request),
});

async function request_(request: Request): Promise<Response> {
  return send(() => fetch(request));
}

let told: (error: ApiError | Unreachable) => void = () => undefined;

/** Has f told of every failure, whoever asked: that the session has ended, or the server is away, shows somewhere first. */
export function onFailure(f: typeof told) {
  told = f;
}

/** Runs one fetch and turns every failure into one of the two errors. */
export async function send(call: () => Promise<Response>): Promise<Response> {
  let failure: ApiError | Unreachable;
  try {
    const response = await call();
    if (response.ok) return response;
    failure = await errorFrom(response);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    failure = new Unreachable({ cause });
  }
  told(failure);
  throw failure;
}

/** The data of an answer that cannot be an error any more: errors have been thrown. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  if (data === undefined) throw new Error("the server answered without a body");
  return data;
}

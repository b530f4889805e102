import createClient from "openapi-fetch";
import type { paths } from "./schema";
import { actAs, actingHeaders, isChoiceRefused } from "./acting";
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
  for (const [header, value] of Object.entries(actingHeaders())) {
    // A request that names another project has its reason.
    if (!request.headers.has(header)) request.headers.set(header, value);
  }
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
    const refused = await errorFrom(response);
    failure = refused;
    if (response.status === 401 && isChoiceRefused(refused.code)) {
      actAs(null);
      window.location.reload();
    }
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

/** Saves what a path of the server answers with as a file: an export. */
export async function download(path: string, filename: string): Promise<void> {
  const response = await send(() => fetch(path, { headers: actingHeaders() }));
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = filename;
  link.click();
  // Not at once: some browsers begin to read a moment later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

import { actingHeaders } from "@/api/acting";
import { send } from "@/api/client";
import { ApiError } from "@/api/errors";
import { readEvents } from "@/lib/sse";
import { beta } from "./api";

type Failure = { message?: string; code?: string | null };

/**
 * Sends a request that answers with a run's events, and tells each. Rejects with what the API says (ApiError), with
 * Unreachable, or when the connection breaks, after which the run goes on by itself.
 */
export async function stream(
  path: string,
  body: Record<string, unknown>,
  tell: (event: string, data: unknown) => void,
): Promise<void> {
  const response = await send(() =>
    fetch(path, {
      method: "POST",
      headers: { ...actingHeaders(), ...beta, "Content-Type": "application/json" },
      body: JSON.stringify({ ...body, stream: true }),
    }),
  );
  if (response.body === null) throw new Error("the server answered without a body");
  for await (const { event, data } of readEvents(response.body)) {
    if (event === "done") return;
    const value = JSON.parse(data) as Failure & { error?: Failure };
    if (event === "error") {
      const { message = data, code = null } = value.error ?? value;
      throw new ApiError(response.status, message, code, response.headers.get("x-request-id"));
    }
    tell(event, value);
  }
  throw new ApiError(
    response.status,
    "The connection broke before the run's end. The run goes on: open the thread again to see it.",
  );
}

/** The error body of every route, in OpenAI's shape. */
type Body = { message: string; type: string; param: string | null; code: string | null };

/** An error that the server wrote, in OpenAI's shape. */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** No answer came: the server is down, or the network is. */
export class Unreachable extends Error {
  override name = "Unreachable";
  constructor(options?: ErrorOptions) {
    super("Parley did not answer", options);
  }
}

export async function errorFrom(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("x-request-id");
  const body = (await response.json().catch(() => null)) as { error?: Partial<Body> } | null;
  const { message, code } = body?.error ?? {};
  const text = message ?? `${response.status} ${response.statusText}`.trim();
  return new ApiError(response.status, text, code ?? null, requestId);
}

/** Not so when what was refused is the choice of an organization or a project: the session is good. */
export function isSignedOut(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status === 401 &&
    error.code !== "invalid_organization" &&
    error.code !== "mismatched_project"
  );
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

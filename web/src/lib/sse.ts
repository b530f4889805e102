/** One server-sent event: its name ("message" when the server gave none) and its data lines joined. */
export type ServerEvent = { event: string; data: string };

/**
 * Parses an event stream piece by piece, as the HTML standard says. Text may be cut anywhere, also
 * between CR and LF. An event that the stream's end cut short is dropped, as the standard asks.
 */
export function createParser(emit: (event: ServerEvent) => void): { push: (text: string) => void } {
  let rest = "";
  let name = "";
  let data: string[] = [];
  let started = false;

  function line(text: string) {
    if (text === "") {
      if (data.length > 0) emit({ event: name || "message", data: data.join("\n") });
      name = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
  }

  return {
    push(text) {
      rest += started ? text : text.replace(/^\uFEFF/, "");
      started ||= text !== "";
      for (;;) {
        const end = rest.search(/[\r\n]/);
        // A CR at the very end may be half of a CRLF: wait for what follows.
        if (end < 0 || (rest[end] === "\r" && end === rest.length - 1)) return;
        const width = rest.startsWith("\r\n", end) ? 2 : 1;
        const whole = rest.slice(0, end);
        rest = rest.slice(end + width);
        line(whole);
      }
    },
  };
}

/** Reads a response body as events. Throws what the body's reader throws when the connection breaks. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void, void> {
  const queue: ServerEvent[] = [];
  const parser = createParser((event) => queue.push(event));
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.push(decoder.decode(value, { stream: true }));
      yield* queue.splice(0);
    }
  } finally {
    reader.releaseLock();
  }
}

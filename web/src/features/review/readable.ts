/** A part of a body for people: who says it, or what it is, and the words. */
export type Part = { label: string; text: string };

type Json = string | number | boolean | null | Json[] | { [key: string]: Json | undefined };
type Members = Exclude<Json, string | number | boolean | null | Json[]>;

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The words of a message's content: a text, or parts of which some are. */
function words(content: Json | undefined): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (Array.isArray(content))
    return content
      .map((part) => (isObject(part) && typeof part.text === "string" ? part.text : pretty(part)))
      .join("\n");
  return pretty(content);
}

function pretty(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

const inputs = [
  "prompt",
  "suffix",
  "instruction",
  "input",
  "question",
  "query",
  "documents",
  "examples",
] as const;

/** What was asked: the messages, or the prompt. A body that is no JSON, as one whose end was cut, stays as it is. */
export function readableRequest(text: string): Part[] {
  const body = parse(text);
  if (!isObject(body)) return [{ label: "", text }];
  if (Array.isArray(body.messages)) {
    return body.messages.map((message) =>
      isObject(message)
        ? {
            label: typeof message.role === "string" ? message.role : "",
            text: [words(message.content), ...called(message)].filter((part) => part !== "").join("\n"),
          }
        : { label: "", text: pretty(message) },
    );
  }
  const parts = inputs.flatMap((name) => {
    const value = body[name];
    return value === undefined || value === null ? [] : [{ label: name, text: words(value) }];
  });
  return parts.length > 0 ? parts : [{ label: "", text: pretty(body) }];
}

/** Functions that a message calls. */
function called(message: Members): string[] {
  const calls = [message.function_call, message.tool_calls].filter(
    (call) => call !== undefined && call !== null,
  );
  return calls.map((call) => pretty(call));
}

/** What was answered: each choice, also of a stream, whose pieces are put together. */
export function readableResponse(text: string): Part[] {
  if (text === "") return [];
  const body = parse(text);
  const events = body === undefined ? eventsOf(text) : [body];
  const choices = new Map<number, string>();
  for (const event of events) {
    if (!isObject(event) || !Array.isArray(event.choices)) {
      if (isObject(event) && event.error !== undefined && event.error !== null)
        choices.set(-1, pretty(event.error));
      continue;
    }
    for (const choice of event.choices) {
      if (!isObject(choice)) continue;
      const index = typeof choice.index === "number" ? choice.index : 0;
      const message = isObject(choice.message)
        ? choice.message
        : isObject(choice.delta)
          ? choice.delta
          : null;
      const piece = message
        ? [words(message.content), ...called(message)].filter((part) => part !== "").join("\n")
        : words(choice.text);
      choices.set(index, (choices.get(index) ?? "") + piece);
    }
  }
  if (choices.size === 0) return [{ label: "", text: body === undefined ? text : pretty(body) }];
  return [...choices]
    .sort(([a], [b]) => a - b)
    .map(([index, words]) => ({
      label: index < 0 ? "error" : choices.size > 1 ? String(index) : "",
      text: words,
    }));
}

function eventsOf(text: string): Json[] {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("data: ")) return [];
    const event = parse(line.slice("data: ".length));
    return event === undefined ? [] : [event];
  });
}

import type { ParseKeys } from "i18next";
import type { Params, Setup, Turn } from "./setup";

/** A request of the API, without what only says how its answer travels. */
export type Request = { path: "/v1/chat/completions" | "/v1/completions" | "/v1/edits"; body: Body };
export type Body = Record<string, unknown>;

/** Why a field cannot be sent as it stands. */
export type Problem = {
  field: "functions" | "schema" | "logitBias" | "instruction" | "text";
  key: ParseKeys;
  values?: Record<string, string | number>;
};

export const insertMark = "[insert]";

/** The place that is to be filled, and what stands around it; null where the text has no mark. */
export function around(text: string): { before: string; after: string } | null {
  const at = text.indexOf(insertMark);
  return at < 0 ? null : { before: text.slice(0, at), after: text.slice(at + insertMark.length) };
}

/** The request that a setup stands for, and what keeps it from being sent. The server checks everything again. */
export function requestOf(setup: Setup): { request: Request; problems: Problem[] } {
  switch (setup.mode) {
    case "chat":
      return chat(setup);
    case "complete":
      return complete(setup);
    case "edit":
      return edit(setup);
  }
}

/** An empty message of the user's at the end is where the next one is going to be written. */
export function spoken(turns: readonly Turn[]): Turn[] {
  const last = turns.at(-1);
  return turns.length > 1 && last?.role === "user" && last.content === "" ? turns.slice(0, -1) : [...turns];
}

export function messagesOf(setup: Setup): Body[] {
  const system = setup.system === "" ? [] : [{ role: "system", content: setup.system }];
  return [...system, ...spoken(setup.turns).map(message)];
}

function message({ role, content, name, toolCallId, toolCalls, functionCall }: Turn): Body {
  const calls = role === "assistant" && (functionCall !== undefined || (toolCalls?.length ?? 0) > 0);
  return {
    role,
    content: calls && content === "" ? null : content,
    ...(name !== undefined && name !== "" && { name }),
    ...(role === "tool" && { tool_call_id: toolCallId ?? "" }),
    ...(role === "assistant" &&
      toolCalls &&
      toolCalls.length > 0 && {
        tool_calls: toolCalls.map((c) => ({ id: c.id, type: "function", function: c.function })),
      }),
    ...(role === "assistant" && functionCall && { function_call: functionCall }),
  };
}

function chat(setup: Setup): { request: Request; problems: Problem[] } {
  const { params } = setup;
  const problems: Problem[] = [];
  const body: Body = {
    model: setup.models.chat,
    messages: messagesOf(setup),
    ...sampling(params, problems),
  };
  if (params.format === "json_object") body.response_format = { type: "json_object" };
  if (params.format === "json_schema") {
    const schema = readSchema(params.schema, problems);
    if (schema) body.response_format = { type: "json_schema", json_schema: schema };
  }
  if (params.functionKind !== "none") {
    const functions = readFunctions(params.functions, problems);
    if (functions) Object.assign(body, calls(params, functions, problems));
  }
  if (params.probabilities !== "off") {
    body.logprobs = true;
    body.top_logprobs = Math.min(params.alternatives, 20);
  }
  return { request: { path: "/v1/chat/completions", body }, problems };
}

function calls(params: Params, functions: Body[], problems: Problem[]): Body {
  const named = params.choice.startsWith("=") ? params.choice.slice(1) : null;
  if (named !== null && !functions.some((f) => f.name === named)) {
    problems.push({
      field: "functions",
      key: "playground.problems.choice",
      values: { name: named },
    });
  }
  if (params.functionKind === "functions") {
    const choice = named === null ? params.choice : { name: named };
    // In the way of 2023 there is no "required".
    return { functions, ...(choice !== "auto" && choice !== "required" && { function_call: choice }) };
  }
  const choice = named === null ? params.choice : { type: "function", function: { name: named } };
  return {
    tools: functions.map((f) => ({ type: "function", function: f })),
    ...(choice !== "auto" && { tool_choice: choice }),
    ...(!params.parallel && { parallel_tool_calls: false }),
  };
}

function complete(setup: Setup): { request: Request; problems: Problem[] } {
  const { params, text } = setup;
  const problems: Problem[] = [];
  const parts = around(text);
  const body: Body = {
    model: setup.models.complete,
    prompt: parts ? parts.before : text + params.startText,
    ...(parts && { suffix: parts.after }),
    ...sampling(params, problems),
  };
  if (params.bestOf > params.n) body.best_of = params.bestOf;
  if (params.echo) body.echo = true;
  if (params.probabilities !== "off") body.logprobs = Math.min(params.alternatives, 5);
  return { request: { path: "/v1/completions", body }, problems };
}

function edit({ models, input, instruction, params }: Setup): { request: Request; problems: Problem[] } {
  const body: Body = {
    model: models.edit,
    input,
    instruction,
    temperature: params.temperature,
    top_p: params.topP,
    ...(params.n > 1 && { n: Math.min(params.n, 20) }),
  };
  const problems: Problem[] =
    instruction.trim() === "" ? [{ field: "instruction", key: "playground.problems.instruction" }] : [];
  return { request: { path: "/v1/edits", body }, problems };
}

function sampling(params: Params, problems: Problem[]): Body {
  const bias = readBias(params, problems);
  const stop = params.stop.filter((s) => s !== "");
  return {
    temperature: params.temperature,
    ...(params.maxTokens !== null && { max_tokens: params.maxTokens }),
    top_p: params.topP,
    frequency_penalty: params.frequencyPenalty,
    presence_penalty: params.presencePenalty,
    ...(stop.length > 0 && { stop }),
    ...(params.n > 1 && { n: params.n }),
    ...(params.seed !== null && { seed: params.seed }),
    ...(bias && { logit_bias: bias }),
    ...(params.user !== "" && { user: params.user }),
  };
}

function readBias({ logitBias }: Params, problems: Problem[]): Body | null {
  const rows = logitBias.filter((row) => row.token.trim() !== "");
  const bad = rows.find((row) => !/^\d+$/.test(row.token.trim()));
  if (bad)
    problems.push({ field: "logitBias", key: "playground.problems.token", values: { token: bad.token } });
  return rows.length === 0 ? null : Object.fromEntries(rows.map((row) => [row.token.trim(), row.bias]));
}

const nameForm = /^[a-zA-Z0-9_-]{1,64}$/;

function parse(text: string, field: Problem["field"], problems: Problem[]): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push({ field, key: "playground.problems.json", values: { reason } });
    return undefined;
  }
}

const isObject = (value: unknown): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A list of functions, or of tools with functions in them, or a single one: whatever somebody has at hand. */
export function readFunctions(text: string, problems: Problem[]): Body[] | null {
  const value = parse(text, "functions", problems);
  if (value === undefined) return null;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const before = problems.length;
  const found = list.map((item, i) => {
    const f = isObject(item) && item.type === "function" && isObject(item.function) ? item.function : item;
    const at = { at: i + 1 };
    if (!isObject(f)) {
      problems.push({ field: "functions", key: "playground.problems.functionObject", values: at });
      return {};
    }
    if (typeof f.name !== "string" || !nameForm.test(f.name))
      problems.push({ field: "functions", key: "playground.problems.functionName", values: at });
    if (f.parameters !== undefined && !isObject(f.parameters))
      problems.push({ field: "functions", key: "playground.problems.functionParameters", values: at });
    return f;
  });
  if (list.length === 0) problems.push({ field: "functions", key: "playground.problems.noFunction" });
  return problems.length === before ? found : null;
}

/** The names in the editor, for the choice of one; none while it cannot be read. */
export function functionNames(text: string): string[] {
  return (readFunctions(text, []) ?? []).map((f) => f.name as string);
}

function readSchema(text: string, problems: Problem[]): Body | null {
  const value = parse(text, "schema", problems);
  if (value === undefined) return null;
  if (!isObject(value)) {
    problems.push({ field: "schema", key: "playground.problems.schemaObject" });
    return null;
  }
  // A bare JSON Schema gets the name that the API asks for.
  const format = isObject(value.schema) ? value : { name: "answer", schema: value };
  if (typeof format.name !== "string" || !nameForm.test(format.name)) {
    problems.push({ field: "schema", key: "playground.problems.schemaName" });
    return null;
  }
  return format;
}

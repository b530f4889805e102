import type { Assistant, AssistantBody, Tool } from "./types";

export const formats = ["auto", "text", "json_object", "json_schema"] as const;
export type Format = (typeof formats)[number];

/** An assistant while it is edited. */
export type Draft = {
  name: string;
  description: string;
  instructions: string;
  model: string;
  search: boolean;
  /** "" for none. */
  store: string;
  code: boolean;
  files: string[];
  /** A JSON array; "" for none. */
  functions: string;
  temperature: number;
  topP: number;
  format: Format;
  schema: string;
};

export function draftOf(assistant: Assistant | null, model: string): Draft {
  if (assistant === null) {
    return {
      name: "",
      description: "",
      instructions: "",
      model,
      search: false,
      store: "",
      code: false,
      files: [],
      functions: "",
      temperature: 1,
      topP: 1,
      format: "auto",
      schema: "",
    };
  }
  const { tools, tool_resources: resources, response_format: format } = assistant;
  const functions = tools.flatMap((tool) => (tool.type === "function" ? [tool.function] : []));
  return {
    name: assistant.name ?? "",
    description: assistant.description ?? "",
    instructions: assistant.instructions ?? "",
    model: assistant.model,
    search: tools.some(({ type }) => type === "file_search"),
    store: resources.file_search?.vector_store_ids[0] ?? "",
    code: tools.some(({ type }) => type === "code_interpreter"),
    files: resources.code_interpreter?.file_ids ?? [],
    functions: functions.length === 0 ? "" : JSON.stringify(functions, null, 2),
    temperature: assistant.temperature,
    topP: assistant.top_p,
    format: format === "auto" ? "auto" : format.type,
    schema: format !== "auto" && format.json_schema ? JSON.stringify(format.json_schema, null, 2) : "",
  };
}

/** What is wrong with a field: the end of a key of assistants.problems, and its values. */
export type Problem = {
  field: "model" | "functions" | "schema";
  key: "model" | "json" | "array" | "function" | "parameters" | "twice" | "schema";
  values?: Record<string, string | number>;
};

type Definition = NonNullable<Tool["function"]>;

/** The request that a draft means, and what has to be put right first. `before` is the assistant that it changes. */
export function bodyOf(draft: Draft, before: Assistant | null): { body: AssistantBody; problems: Problem[] } {
  const problems: Problem[] = [];
  if (draft.model === "") problems.push({ field: "model", key: "model" });
  const functions = parseFunctions(draft.functions, problems);
  const schema = draft.format === "json_schema" ? parseSchema(draft.schema, problems) : null;
  const old = (type: Tool["type"]) => before?.tools.find((tool) => tool.type === type);
  const tools: Tool[] = [
    ...(draft.search ? [old("file_search") ?? { type: "file_search" as const }] : []),
    ...(draft.code ? [{ type: "code_interpreter" as const }] : []),
    ...functions.map((definition) => ({ type: "function" as const, function: definition })),
  ];
  const body: AssistantBody = {
    model: draft.model,
    name: draft.name.trim() || null,
    description: draft.description.trim() || null,
    instructions: draft.instructions || null,
    tools,
    tool_resources: {
      ...(draft.search && { file_search: { vector_store_ids: draft.store === "" ? [] : [draft.store] } }),
      ...(draft.code && { code_interpreter: { file_ids: draft.files } }),
    },
    temperature: draft.temperature,
    top_p: draft.topP,
    response_format:
      draft.format === "auto"
        ? "auto"
        : { type: draft.format, ...(schema !== null && { json_schema: schema as Record<string, never> }) },
  };
  return { body, problems };
}

function parseFunctions(text: string, problems: Problem[]): Definition[] {
  if (text.trim() === "") return [];
  const all = parse(text, "functions", problems);
  if (all === undefined) return [];
  if (!Array.isArray(all)) {
    problems.push({ field: "functions", key: "array" });
    return [];
  }
  const names = new Set<string>();
  return all.map((given: unknown, i) => {
    // Also as tools have it, with the type around it.
    const outer = given as { type?: unknown; function?: unknown } | null;
    const one = (outer?.type === "function" ? outer.function : given) as Partial<Definition> | null;
    const at = i + 1;
    const name = one?.name;
    if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name)) {
      problems.push({ field: "functions", key: "function", values: { at } });
      return { name: "" };
    }
    if (names.has(name)) problems.push({ field: "functions", key: "twice", values: { name } });
    else if (one?.parameters !== undefined && !isObject(one.parameters))
      problems.push({ field: "functions", key: "parameters", values: { at } });
    names.add(name);
    return { ...one, name };
  });
}

function parseSchema(text: string, problems: Problem[]): object | null {
  const schema = parse(text, "schema", problems);
  if (schema === undefined) return null;
  if (isObject(schema) && typeof (schema as { name?: unknown }).name === "string") return schema;
  problems.push({ field: "schema", key: "schema" });
  return null;
}

function parse(text: string, field: Problem["field"], problems: Problem[]): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    problems.push({ field, key: "json", values: { reason: (error as Error).message } });
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

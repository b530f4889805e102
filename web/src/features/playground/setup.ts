/** What stands on the playground: a mode with its texts, and the parameters. Plain data: presets and drafts are it. */

export const modes = ["chat", "complete", "edit"] as const;
export type Mode = (typeof modes)[number];

export const roles = ["user", "assistant", "system", "function", "tool"] as const;
export type Role = (typeof roles)[number];

export type Call = { name: string; arguments: string };
export type ToolCall = { id: string; function: Call };

/** One message. `key` is for the page alone; name is a function's or a speaker's. */
export type Turn = {
  key: string;
  role: Role;
  content: string;
  name?: string;
  toolCallId?: string;
  toolCalls?: ToolCall[];
  functionCall?: Call;
};

export type Bias = { token: string; bias: number };
export const formats = ["text", "json_object", "json_schema"] as const;
export const functionKinds = ["none", "tools", "functions"] as const;
export const spectra = ["off", "most", "least", "full"] as const;
export type Spectrum = (typeof spectra)[number];

/** Null is left out of the request: the server's default. */
export type Params = {
  temperature: number;
  maxTokens: number | null;
  stop: string[];
  topP: number;
  frequencyPenalty: number;
  presencePenalty: number;
  n: number;
  bestOf: number;
  seed: number | null;
  logitBias: Bias[];
  user: string;
  format: (typeof formats)[number];
  /** JSON texts, as they were typed. */
  schema: string;
  functionKind: (typeof functionKinds)[number];
  functions: string;
  /** auto, none, required, or "=" and a function's name. */
  choice: string;
  parallel: boolean;
  probabilities: Spectrum;
  /** How many of the likeliest tokens are told beside each. */
  alternatives: number;
  echo: boolean;
  startText: string;
  restartText: string;
};

export type Setup = {
  mode: Mode;
  models: Record<Mode, string>;
  system: string;
  turns: Turn[];
  text: string;
  input: string;
  instruction: string;
  params: Params;
};

let made = 0;

export function turn(role: Role, content = ""): Turn {
  return { key: `t${String(Date.now())}.${String(++made)}`, role, content };
}

export const exampleFunctions = `[
  {
    "name": "get_weather",
    "description": "The weather of a city now",
    "parameters": {
      "type": "object",
      "properties": {
        "city": { "type": "string" },
        "unit": { "type": "string", "enum": ["celsius", "fahrenheit"] }
      },
      "required": ["city"]
    }
  }
]`;

export const exampleSchema = `{
  "name": "answer",
  "schema": {
    "type": "object",
    "properties": { "answer": { "type": "string" } },
    "required": ["answer"],
    "additionalProperties": false
  }
}`;

export const defaults: Params = {
  temperature: 1,
  maxTokens: 256,
  stop: [],
  topP: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  n: 1,
  bestOf: 1,
  seed: null,
  logitBias: [],
  user: "",
  format: "text",
  schema: exampleSchema,
  functionKind: "none",
  functions: exampleFunctions,
  choice: "auto",
  parallel: true,
  probabilities: "off",
  alternatives: 5,
  echo: false,
  startText: "",
  restartText: "",
};

export function newSetup(mode: Mode = "chat"): Setup {
  return {
    mode,
    models: { chat: "", complete: "", edit: "" },
    system: "",
    turns: [turn("user")],
    text: "",
    input: "",
    instruction: "",
    params: defaults,
  };
}

type Loose = Record<string, unknown>;
const object = (value: unknown): Loose =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {};
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Reads what was stored, perhaps by another release or by hand: what does not fit is as it is at the beginning. */
export function readSetup(stored: unknown): Setup {
  const from = object(stored);
  const fresh = newSetup();
  const models = object(from.models);
  const turns = Array.isArray(from.turns) ? from.turns.map(readTurn) : fresh.turns;
  return {
    mode: oneOf(modes, from.mode) ?? "chat",
    models: { chat: text(models.chat), complete: text(models.complete), edit: text(models.edit) },
    system: text(from.system),
    turns: turns.length > 0 ? turns : fresh.turns,
    text: text(from.text),
    input: text(from.input),
    instruction: text(from.instruction),
    params: readParams(object(from.params)),
  };
}

function oneOf<T extends string>(all: readonly T[], value: unknown): T | undefined {
  return all.find((one) => one === value);
}

function readCall(value: unknown): Call {
  const { name, arguments: args } = object(value);
  return { name: text(name), arguments: text(args) };
}

function readTurn(value: unknown): Turn {
  const from = object(value);
  return {
    ...turn(oneOf(roles, from.role) ?? "user", text(from.content)),
    ...(typeof from.name === "string" && { name: from.name }),
    ...(typeof from.toolCallId === "string" && { toolCallId: from.toolCallId }),
    ...(Array.isArray(from.toolCalls) && {
      toolCalls: from.toolCalls.map((c) => ({
        id: text(object(c).id),
        function: readCall(object(c).function),
      })),
    }),
    ...(from.functionCall !== undefined && { functionCall: readCall(from.functionCall) }),
  };
}

function readParams(from: Loose): Params {
  const number = (key: keyof Params, otherwise: number) =>
    typeof from[key] === "number" && Number.isFinite(from[key]) ? from[key] : otherwise;
  const bool = (key: keyof Params) => (typeof from[key] === "boolean" ? from[key] : Boolean(defaults[key]));
  const maybe = (key: "maxTokens" | "seed") =>
    from[key] === null ? null : typeof from[key] === "number" ? from[key] : defaults[key];
  const biases = Array.isArray(from.logitBias) ? from.logitBias.map(object) : [];
  return {
    temperature: number("temperature", defaults.temperature),
    maxTokens: maybe("maxTokens"),
    stop: Array.isArray(from.stop) ? from.stop.map(text).slice(0, maxStop) : [],
    topP: number("topP", defaults.topP),
    frequencyPenalty: number("frequencyPenalty", 0),
    presencePenalty: number("presencePenalty", 0),
    n: number("n", 1),
    bestOf: number("bestOf", 1),
    seed: maybe("seed"),
    logitBias: biases.map((b) => ({
      token: text(b.token),
      bias: typeof b.bias === "number" ? b.bias : 0,
    })),
    user: text(from.user),
    format: oneOf(formats, from.format) ?? "text",
    schema: typeof from.schema === "string" ? from.schema : exampleSchema,
    functionKind: oneOf(functionKinds, from.functionKind) ?? "none",
    functions: typeof from.functions === "string" ? from.functions : exampleFunctions,
    choice: text(from.choice) || "auto",
    parallel: bool("parallel"),
    probabilities: oneOf(spectra, from.probabilities) ?? "off",
    alternatives: number("alternatives", defaults.alternatives),
    echo: bool("echo"),
    startText: text(from.startText),
    restartText: text(from.restartText),
  };
}

/** The most stop sequences of a request. */
export const maxStop = 4;

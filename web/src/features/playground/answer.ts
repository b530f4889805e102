import type { Call, ToolCall } from "./setup";

/** One of the likeliest tokens at a place. */
export type Alternative = { text: string; logprob: number };
/** A token of the answer; the logprob of an echoed prompt's first is not known. */
export type Token = { text: string; logprob: number | null; top: Alternative[] };

export type Choice = {
  text: string;
  tokens: Token[];
  finish: string | null;
  toolCalls: ToolCall[];
  functionCall: Call | null;
};

export type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };

/** An answer as far as it has come. */
export type Answer = {
  id: string | null;
  model: string | null;
  fingerprint: string | null;
  choices: Choice[];
  usage: Usage | null;
};

export const nothing: Answer = { id: null, model: null, fingerprint: null, choices: [], usage: null };

const empty: Choice = { text: "", tokens: [], finish: null, toolCalls: [], functionCall: null };

type Piece = { name?: string; arguments?: string };
type ChatTokens = { content?: { token: string; logprob: number; top_logprobs?: WireAlternative[] }[] | null };
type WireAlternative = { token: string; logprob: number };
type TextTokens = {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs?: (Record<string, number> | null)[] | null;
};
type Saying = {
  content?: string | null;
  tool_calls?: { index?: number; id?: string; function?: Piece }[];
  function_call?: Piece | null;
};

/** What chunks and whole answers of the three endpoints have in common. */
export type Wire = {
  id?: string;
  model?: string;
  system_fingerprint?: string | null;
  choices?: {
    index?: number;
    text?: string;
    delta?: Saying;
    message?: Saying;
    logprobs?: ChatTokens | TextTokens | null;
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
};

/** The answer with a chunk, or with all of it at once. */
export function add(answer: Answer, wire: Wire): Answer {
  const choices = [...answer.choices];
  for (const [at, piece] of (wire.choices ?? []).entries()) {
    const index = piece.index ?? at;
    while (choices.length <= index) choices.push(empty);
    const choice = choices[index] ?? empty;
    const said = piece.delta ?? piece.message ?? {};
    choices[index] = {
      text: choice.text + (piece.text ?? "") + (said.content ?? ""),
      tokens: piece.logprobs ? [...choice.tokens, ...tokensOf(piece.logprobs)] : choice.tokens,
      finish: piece.finish_reason ?? choice.finish,
      toolCalls: said.tool_calls ? addCalls(choice.toolCalls, said.tool_calls) : choice.toolCalls,
      functionCall: said.function_call
        ? joined(choice.functionCall ?? undefined, said.function_call)
        : choice.functionCall,
    };
  }
  return {
    id: wire.id ?? answer.id,
    model: wire.model ?? answer.model,
    fingerprint: wire.system_fingerprint ?? answer.fingerprint,
    choices,
    usage: wire.usage ?? answer.usage,
  };
}

function addCalls(calls: ToolCall[], pieces: NonNullable<Saying["tool_calls"]>): ToolCall[] {
  const all = [...calls];
  for (const [at, piece] of pieces.entries()) {
    const index = piece.index ?? at;
    const call = all[index];
    all[index] = { id: call?.id ?? piece.id ?? "", function: joined(call?.function, piece.function ?? {}) };
  }
  return all;
}

function joined(call: Call | undefined, piece: Piece): Call {
  return {
    name: (call?.name ?? "") + (piece.name ?? ""),
    arguments: (call?.arguments ?? "") + (piece.arguments ?? ""),
  };
}

function tokensOf(logprobs: ChatTokens | TextTokens): Token[] {
  if ("tokens" in logprobs) {
    return logprobs.tokens.map((text, i) => ({
      text,
      logprob: logprobs.token_logprobs[i] ?? null,
      top: sorted(
        Object.entries(logprobs.top_logprobs?.[i] ?? {}).map(([t, logprob]) => ({ text: t, logprob })),
      ),
    }));
  }
  return (logprobs.content ?? []).map((t) => ({
    text: t.token,
    logprob: t.logprob,
    top: sorted((t.top_logprobs ?? []).map((a) => ({ text: a.token, logprob: a.logprob }))),
  }));
}

function sorted(top: Alternative[]): Alternative[] {
  return top.sort((a, b) => b.logprob - a.logprob);
}

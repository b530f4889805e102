import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { TokenMessage, Tokenization } from "@/api/types";
import { beginning, type Group, groupPieces } from "./groups";

/** OpenAI's vocabularies, newest first, with names that programs know them by. */
export const encodings = {
  o200k_base: "gpt-4o",
  cl100k_base: "gpt-4, gpt-3.5-turbo, text-embedding-ada-002",
  p50k_base: "text-davinci-003, code-davinci-002",
  p50k_edit: "text-davinci-edit-001",
  r50k_base: "davinci, curie, babbage, ada",
} as const;

/** Those of models that take messages. */
export const chatEncodings: ReadonlySet<string> = new Set<keyof typeof encodings>([
  "o200k_base",
  "cl100k_base",
]);

export type Encoding = keyof typeof encodings;

/** One of OpenAI's vocabularies, or that of a served model. */
export type Vocabulary = { encoding: Encoding } | { model: string };

/** How much is shown token by token. A token has a byte at least, so this stays below the server's 20,000 pieces. */
export const shownBytes = 19_000;

/** The tokens of a text or of a prompt: how many, and those that are shown. */
export type Counted = {
  count: number;
  groups: Group[];
  /** What is shown is only the text's beginning: its length in UTF-16 units. Null when all is shown. */
  cutAt: number | null;
  /** Of a chat: the tokens of each message's content, and those beside. */
  messages: number[];
  overhead: number;
};

function counted({ count, tokens, pieces, messages, overhead }: Tokenization, cutAt: number | null): Counted {
  const shown = (pieces ?? []).map((piece, i) => ({ id: tokens?.[i] ?? 0, bytes: piece.bytes }));
  return { count, groups: groupPieces(shown), cutAt, messages: messages ?? [], overhead: overhead ?? 0 };
}

// What somebody types is not kept, and the last answer stays in sight until the next one is here. An answer
// that nobody waits for any more is given up by its signal.
const typing = { staleTime: Infinity, gcTime: 0, placeholderData: keepPreviousData } as const;

export const textQuery = (vocabulary: Vocabulary, text: string, special: boolean) =>
  queryOptions({
    queryKey: ["tokens", vocabulary, special, text],
    enabled: text !== "",
    ...typing,
    queryFn: async ({ signal }) => {
      const part = beginning(text, shownBytes);
      const rules = special
        ? { allowed_special: "all" as const }
        : "encoding" in vocabulary
          ? { disallowed_special: [] }
          : {};
      const ask = (body: { text: string; pieces?: boolean; count_only?: boolean }) =>
        data(api.POST("/v1/tokenize", { body: { ...vocabulary, ...rules, ...body }, signal }));
      const [shown, whole] = await Promise.all([
        ask({ text: part, pieces: true }),
        part === text ? null : ask({ text, count_only: true }),
      ]);
      const result = counted(shown, whole ? part.length : null);
      return whole ? { ...result, count: whole.count } : result;
    },
  });

export const chatQuery = (vocabulary: Vocabulary, messages: readonly TokenMessage[]) =>
  queryOptions({
    queryKey: ["tokens", vocabulary, messages],
    enabled: messages.length > 0,
    ...typing,
    queryFn: async ({ signal }) => {
      // With a model it is a prompt, which can be shown; a long one is only counted.
      const short = new TextEncoder().encode(JSON.stringify(messages)).length < shownBytes - 4000;
      const pieces = "model" in vocabulary && short;
      const body = {
        ...vocabulary,
        messages: [...messages],
        ...(pieces ? { pieces } : { count_only: true }),
      };
      return counted(await data(api.POST("/v1/tokenize", { body, signal })), short ? null : 0);
    },
  });

export type Prompt = { text: string } | { messages: readonly TokenMessage[] };

export const priceQuery = (prompt: Prompt) =>
  queryOptions({
    queryKey: ["prices", prompt],
    ...typing,
    queryFn: async ({ signal }) => {
      const body = "text" in prompt ? prompt : { messages: [...prompt.messages] };
      return (await data(api.POST("/api/tokenizer/prices", { body, signal }))).data;
    },
  });

import type { TokenPrice } from "@/api/types";

export type Cost = { prompt: number | null; answer: number | null; total: number | null };

/** US dollars for the prompt, and for an answer of that many tokens. Null is not known; embeddings have no answer. */
export function costOf(price: TokenPrice, answerTokens: number): Cost {
  const per = (rate: number | null, tokens: number | null) =>
    rate === null || tokens === null ? null : (rate * tokens) / 1000;
  const prompt = per(price.input_price, price.tokens);
  if (price.kind === "embedding") return { prompt, answer: null, total: prompt };
  const answer = per(price.output_price, price.tokens === null ? null : answerTokens);
  return { prompt, answer, total: prompt === null || answer === null ? null : prompt + answer };
}

/** True where prompt and answer do not fit into the window together. */
export function tooLong(price: TokenPrice, answerTokens: number): boolean {
  if (price.tokens === null || !price.context_window) return false;
  return price.tokens + (price.kind === "embedding" ? 0 : answerTokens) > price.context_window;
}

/** By kind, in the order in which kinds come first. */
export function byKind(prices: readonly TokenPrice[]): Map<TokenPrice["kind"], TokenPrice[]> {
  const kinds = new Map<TokenPrice["kind"], TokenPrice[]>();
  for (const price of prices) kinds.set(price.kind, [...(kinds.get(price.kind) ?? []), price]);
  return kinds;
}

export function dollars(amount: number, language: string): string {
  return new Intl.NumberFormat(language, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    maximumSignificantDigits: 3,
  }).format(amount);
}

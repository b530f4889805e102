import type { Token } from "./answer";
import type { Spectrum } from "./setup";

/** The probability, 0 to 1, of a natural logarithm. */
export const probability = (logprob: number): number => Math.min(1, Math.exp(logprob));

/**
 * What a token is coloured with: green for the likely, red for the unlikely, strong at the ends of the scale.
 * Undefined is no colour.
 */
export function shade(token: Token, spectrum: Spectrum): string | undefined {
  if (token.logprob === null || spectrum === "off") return undefined;
  const likely = Math.round(probability(token.logprob) * 100);
  switch (spectrum) {
    case "most":
      return `color-mix(in srgb, var(--token-2) ${likely}%, transparent)`;
    case "least":
      return `color-mix(in srgb, var(--token-4) ${100 - likely}%, transparent)`;
    case "full":
      return `color-mix(in oklch, var(--token-2) ${likely}%, var(--token-4))`;
  }
}

/** Makes white space visible in a list of tokens. */
export function visible(text: string): string {
  if (text === "") return "∅";
  return text.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ | $/g, "␣");
}

/** How likely the tokens that are told are together, and the text as a whole: sums of what the model said. */
export function totals(tokens: readonly Token[]): { sum: number; mean: number; perplexity: number } | null {
  const known = tokens.flatMap((t) => (t.logprob === null ? [] : [t.logprob]));
  if (known.length === 0) return null;
  const sum = known.reduce((a, b) => a + b, 0);
  return { sum, mean: sum / known.length, perplexity: Math.exp(-sum / known.length) };
}

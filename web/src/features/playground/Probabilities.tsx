import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";
import { useStore } from "@/lib/store";
import type { Token } from "./answer";
import { playground } from "./playground";
import { probability, shade, totals, visible } from "./spectrum";

/** The tokens of the answer on show, coloured by how likely they were; each tells what else could have stood there. */
export function Probabilities() {
  const { t, i18n } = useTranslation();
  const spectrum = useStore(playground, (state) => state.setup.params.probabilities);
  const tokens = useStore(playground, (state) => state.run?.answer.choices[state.run.choice]?.tokens);
  const mine = useStore(playground, (state) => state.run?.mode === state.setup.mode);
  const [current, setCurrent] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  if (spectrum === "off" || !mine || !tokens || tokens.length === 0) return null;
  const all = totals(tokens);
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 });

  // One stop of the Tab key for all of them; arrows go from one to the next.
  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tokensLength, End: tokensLength }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(tokensLength - 1, current + step));
    setCurrent(next);
    list.current?.querySelectorAll<HTMLElement>("button")[next]?.focus();
  }
  const tokensLength = tokens.length;

  return (
    <section className="grid gap-1.5" aria-label={t("playground.probabilities.title")}>
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h2 className="text-sm font-medium">{t("playground.probabilities.title")}</h2>
        {all && (
          <p className="text-xs text-muted-foreground tabular-nums">
            {t("playground.probabilities.totals", {
              sum: number.format(all.sum),
              perplexity: number.format(all.perplexity),
            })}
          </p>
        )}
      </div>
      <div
        ref={list}
        role="toolbar"
        aria-label={t("playground.probabilities.tokens")}
        onKeyDown={onKeyDown}
        className="max-h-56 overflow-y-auto rounded-xl border bg-card px-3 py-2 leading-7 whitespace-pre-wrap"
      >
        {tokens.map((token, i) => (
          <TokenButton
            key={i}
            token={token}
            colour={shade(token, spectrum)}
            tabIndex={i === Math.min(current, tokens.length - 1) ? 0 : -1}
            onFocus={() => setCurrent(i)}
          />
        ))}
      </div>
    </section>
  );
}

type TokenButtonProps = { token: Token; colour: string | undefined; tabIndex: number; onFocus: () => void };

function TokenButton({ token, colour, tabIndex, onFocus }: TokenButtonProps) {
  const { t, i18n } = useTranslation();
  const percent = new Intl.NumberFormat(i18n.language, { style: "percent", maximumFractionDigits: 2 });
  const likely = token.logprob === null ? "" : percent.format(probability(token.logprob));
  const covered = token.top.reduce((sum, a) => sum + probability(a.logprob), 0);
  return (
    <Popover>
      <PopoverTrigger asChild>
        <button
          type="button"
          tabIndex={tabIndex}
          onFocus={onFocus}
          aria-label={`${visible(token.text)} ${likely}`}
          style={{ backgroundColor: colour }}
          className="rounded-xs py-0.5 text-left whitespace-pre-wrap hover:outline data-[state=open]:outline-2"
        >
          {token.text === "\n" ? "↵\n" : token.text === "" ? "∅" : token.text}
        </button>
      </PopoverTrigger>
      <PopoverContent className="w-64 p-3 text-sm" aria-label={t("playground.probabilities.alternatives")}>
        {token.top.length === 0 ? (
          <p>
            {likely === "" ? t("playground.probabilities.unknown") : `${visible(token.text)} = ${likely}`}
          </p>
        ) : (
          <table className="w-full tabular-nums">
            <caption className="sr-only">{t("playground.probabilities.alternatives")}</caption>
            <tbody>
              {token.top.map((a) => (
                <tr key={a.text} className={cn(a.text === token.text && "font-semibold")}>
                  <th
                    scope="row"
                    className="max-w-36 truncate py-0.5 text-left font-[inherit] font-mono text-xs"
                  >
                    {visible(a.text)}
                  </th>
                  <td className="pl-3 text-right">{percent.format(probability(a.logprob))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {token.logprob !== null && (
          <p className="mt-2 border-t pt-2 text-xs text-muted-foreground">
            {t("playground.probabilities.total", {
              logprob: token.logprob.toFixed(3),
              covered: percent.format(covered),
            })}
          </p>
        )}
      </PopoverContent>
    </Popover>
  );
}

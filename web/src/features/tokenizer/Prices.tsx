import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { TokenPrice } from "@/api/types";
import { Input } from "@/components/ui/input";
import { cn } from "@/lib/cn";
import { useSettled } from "@/lib/settled";
import { type Prompt, priceQuery } from "./api";
import { Failure } from "./Failure";
import { byKind, costOf, dollars, tooLong } from "./prices";

const maxAnswer = 1_000_000; // tokens

type Props = {
  /** The same object while it is the same prompt. */
  prompt: Prompt;
  active: boolean;
  note: string;
};

/** What the prompt costs under each name of the calendar, and an answer of the expected length. */
export function Prices({ prompt, active, note }: Props) {
  const { t } = useTranslation();
  const [answer, setAnswer] = useState("250");
  const heading = useId();
  const field = useId();
  // Later than the tokens: nobody reads prices while typing.
  const query = useQuery({ ...priceQuery(useSettled(prompt, 400)), enabled: active });
  const prices = useDeferredValue(query.data);
  const answerTokens = Math.min(maxAnswer, Math.max(0, Math.floor(Number(answer) || 0)));
  return (
    <section aria-labelledby={heading} className="grid gap-3">
      <div className="flex flex-wrap items-end justify-between gap-3">
        <div className="min-w-0 grow basis-72">
          <h2 id={heading} className="text-base font-semibold">
            {t("tokenizer.prices")}
          </h2>
          <p className="text-sm text-muted-foreground">{note}</p>
        </div>
        <label htmlFor={field} className="grid gap-1 text-sm">
          {t("tokenizer.answerTokens")}
          <Input
            id={field}
            type="number"
            inputMode="numeric"
            min={0}
            max={maxAnswer}
            value={answer}
            onChange={(event) => setAnswer(event.target.value)}
            className="w-36"
          />
        </label>
      </div>
      {query.error ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : prices === undefined ? (
        <p className="text-sm text-muted-foreground">{t("app.loading")}</p>
      ) : prices.length === 0 ? (
        <p className="text-sm text-muted-foreground">{t("tokenizer.noPrices")}</p>
      ) : (
        <Table prices={prices} answerTokens={answerTokens} />
      )}
    </section>
  );
}

function Table({ prices, answerTokens }: { prices: readonly TokenPrice[]; answerTokens: number }) {
  const { t } = useTranslation();
  const column = "px-3 py-2 text-right font-medium";
  return (
    <div className="overflow-hidden rounded-xl border bg-card">
      <table className="w-full border-collapse text-sm">
        <caption className="sr-only">{t("tokenizer.pricesCaption")}</caption>
        <thead className="text-muted-foreground">
          <tr>
            <th scope="col" className="px-3 py-2 text-left font-medium">
              {t("tokenizer.model")}
            </th>
            <th scope="col" className={cn(column, "hidden sm:table-cell")}>
              {t("tokenizer.tokens")}
            </th>
            <th scope="col" className={cn(column, "hidden sm:table-cell")}>
              {t("tokenizer.prompt")}
            </th>
            <th scope="col" className={cn(column, "hidden sm:table-cell")}>
              {t("tokenizer.answer")}
            </th>
            <th scope="col" className={column}>
              {t("tokenizer.total")}
            </th>
          </tr>
        </thead>
        {[...byKind(prices)].map(([kind, rows]) => (
          <tbody key={kind}>
            <tr className="border-t bg-muted">
              <th scope="rowgroup" colSpan={5} className="px-3 py-1.5 text-left text-xs font-medium">
                {t(`tokenizer.kinds.${kind}`)}
              </th>
            </tr>
            {rows.map((price) => (
              <Row key={price.model} price={price} answerTokens={answerTokens} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Row({ price, answerTokens }: { price: TokenPrice; answerTokens: number }) {
  const { t, i18n } = useTranslation();
  const cost = costOf(price, answerTokens);
  const number = new Intl.NumberFormat(i18n.language);
  const money = (amount: number | null) => (amount === null ? "–" : dollars(amount, i18n.language));
  const tokens = price.tokens === null ? "–" : number.format(price.tokens);
  const cell = "px-3 py-2 text-right tabular-nums align-top";
  return (
    <tr className="border-t">
      <th scope="row" className="px-3 py-2 text-left font-normal [overflow-wrap:anywhere]">
        {price.model}
        <span className="block text-xs text-muted-foreground">
          {price.encoding}
          <span className="sm:hidden">{` · ${t("tokenizer.rowTokens", { size: tokens })}`}</span>
          <span className="block sm:hidden">{`${money(cost.prompt)} + ${money(cost.answer)}`}</span>
        </span>
        {tooLong(price, answerTokens) && (
          <span className="block text-xs text-warning">
            {t("tokenizer.tooLong", { size: number.format(price.context_window ?? 0) })}
          </span>
        )}
      </th>
      <td className={cn(cell, "hidden sm:table-cell")}>{tokens}</td>
      <td className={cn(cell, "hidden sm:table-cell")}>{money(cost.prompt)}</td>
      <td className={cn(cell, "hidden sm:table-cell")}>{money(cost.answer)}</td>
      <td className={cell}>{money(cost.total)}</td>
    </tr>
  );
}

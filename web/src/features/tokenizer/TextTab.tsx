import { useQuery } from "@tanstack/react-query";
import { useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { useSettled } from "@/lib/settled";
import { textQuery, type Vocabulary } from "./api";
import { Counts } from "./Counts";
import { Failure } from "./Failure";
import { characters, wellFormed } from "./groups";
import { Prices } from "./Prices";
import { TokenView } from "./TokenView";

/** The box keeps what is typed for itself; tokens follow a moment later. */
export function TextTab({ vocabulary, active }: { vocabulary: Vocabulary; active: boolean }) {
  const { t, i18n } = useTranslation();
  const [text, setText] = useState("");
  const [special, setSpecial] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const area = useId();
  const settled = useSettled(
    useMemo(() => wellFormed(text), [text]),
    150,
  );
  const query = useQuery({
    ...textQuery(vocabulary, settled, special),
    enabled: active && settled !== "",
  });
  const prompt = useMemo(() => ({ text: settled }), [settled]);
  const answer = settled === "" ? undefined : query.data;
  const busy = text !== settled || query.isFetching;
  const number = new Intl.NumberFormat(i18n.language);

  function note(): string | undefined {
    if (settled === "") return t("tokenizer.empty");
    if (!answer) return "model" in vocabulary ? t("tokenizer.countingModel") : t("tokenizer.counting");
    if (answer.cutAt !== null) return t("tokenizer.cut", { size: number.format(answer.cutAt) });
    return undefined;
  }

  function fill(next: string) {
    setText(next);
    box.current?.focus();
  }

  return (
    <div className="grid gap-5 *:min-w-0">
      <div className="grid gap-2">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <label htmlFor={area} className="text-sm font-medium">
            {t("tokenizer.yourText")}
          </label>
          <span className="flex gap-1">
            <Button variant="ghost" size="sm" onClick={() => fill(t("tokenizer.example"))}>
              {t("tokenizer.showExample")}
            </Button>
            <Button variant="ghost" size="sm" disabled={text === ""} onClick={() => fill("")}>
              {t("tokenizer.clear")}
            </Button>
          </span>
        </div>
        <textarea
          ref={box}
          id={area}
          rows={6}
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder={t("tokenizer.placeholder")}
          spellCheck={false}
          className="block w-full resize-y rounded-xl border border-input bg-background px-4 py-3 leading-6 outline-none placeholder:text-muted-foreground focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25"
        />
        <label className="flex items-center gap-2 text-sm">
          <input
            type="checkbox"
            checked={special}
            onChange={(event) => setSpecial(event.target.checked)}
            className="size-4 accent-primary"
          />
          {t("tokenizer.special")}
        </label>
      </div>
      <Counts
        busy={busy}
        counts={[
          { label: t("tokenizer.tokens"), value: answer?.count ?? 0 },
          { label: t("tokenizer.characters"), value: characters(text) },
        ]}
        announce={
          answer && !busy
            ? t("tokenizer.announce", {
                tokens: t("tokenizer.tokenCount", {
                  count: answer.count,
                  size: number.format(answer.count),
                }),
                characters: t("tokenizer.characterCount", {
                  count: characters(settled),
                  size: number.format(characters(settled)),
                }),
              })
            : null
        }
      />
      {query.error && settled !== "" ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <TokenView groups={answer?.groups ?? []} busy={busy} note={note()} />
      )}
      <Prices prompt={prompt} active={active} note={t("tokenizer.pricesText")} />
    </div>
  );
}

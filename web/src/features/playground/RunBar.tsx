import { useQuery } from "@tanstack/react-query";
import { RotateCcw, Square } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { Button } from "@/components/ui/button";
import { KeyCaps } from "@/components/ui/key-caps";
import { Notice } from "@/components/ui/notice";
import { CommandButton } from "@/features/commands/CommandButton";
import { dollars } from "@/features/tokenizer/prices";
import { useSettled } from "@/lib/settled";
import { useStore } from "@/lib/store";
import { countedOf, countQuery, pricesQuery } from "./api";
import {
  canRegenerate,
  choose,
  errorText,
  playground,
  regenerate,
  type Run,
  stop,
  submit,
} from "./playground";
import { FieldProblems } from "./Problems";

/** Below the texts: what sends them, what they cost, and what is known of the last answer. */
export function RunBar() {
  const { t } = useTranslation();
  const state = useStore(playground, (all) => all);
  const { run } = state;
  const running = run?.state === "running";
  return (
    <div className="grid gap-2 border-t px-4 py-3 md:px-6">
      {run?.state === "failed" && <RunError run={run} />}
      <FieldProblems field="text" />
      {run && <Facts run={run} />}
      <div className="flex flex-wrap items-center gap-2">
        {running ? (
          <Button variant="outline" onClick={stop} data-slot="playground-stop">
            <Square aria-hidden />
            {t("playground.stop")}
          </Button>
        ) : (
          <Button onClick={submit} data-slot="playground-submit">
            {t("playground.submit")}
          </Button>
        )}
        <Button variant="outline" disabled={!canRegenerate()} onClick={regenerate}>
          <RotateCcw aria-hidden />
          {t("playground.regenerate")}
        </Button>
        <CommandButton id="playground.code" />
        <span className="max-sm:hidden" aria-hidden>
          <KeyCaps keys="mod+enter" />
        </span>
        <span className="grow" />
        <Count />
      </div>
    </div>
  );
}

function Count() {
  const { t, i18n } = useTranslation();
  const setup = useStore(playground, (state) => state.setup);
  const busy = useStore(playground, (state) => state.run?.state === "running");
  const counted = countedOf(useSettled(setup, 500));
  const query = countQuery(counted);
  const { data } = useQuery({ ...query, enabled: query.enabled === true && !busy });
  const prices = useQuery(pricesQuery).data;
  const price = prices?.find((p) => p.model === counted.model)?.input_price ?? null;
  const count = query.enabled === true ? data : 0;
  if (count === undefined) return null;
  const size = new Intl.NumberFormat(i18n.language).format(count);
  return (
    <p className="text-sm text-muted-foreground tabular-nums" data-slot="playground-count">
      {t("playground.inputTokens", { count, size })}
      {price !== null && ` · ${dollars((price * count) / 1000, i18n.language)}`}
    </p>
  );
}

function RunError({ run }: { run: Run }) {
  const { t } = useTranslation();
  const id = run.error instanceof ApiError ? run.error.requestId : null;
  return (
    <Notice tone="danger" role="alert">
      <div className="min-w-0 [overflow-wrap:anywhere]">
        <p>{errorText(run.error)}</p>
        {id !== null && <p className="font-mono text-xs">{t("console.error.requestId", { id })}</p>}
      </div>
    </Notice>
  );
}

function Facts({ run }: { run: Run }) {
  const { t, i18n } = useTranslation();
  const { answer, facts } = run;
  const number = new Intl.NumberFormat(i18n.language);
  const prices = useQuery(pricesQuery).data;
  const price = prices?.find((p) => p.model === run.request.body.model);
  const { usage } = answer;
  const cost =
    usage && price && price.input_price !== null
      ? (usage.prompt_tokens * price.input_price + usage.completion_tokens * (price.output_price ?? 0)) / 1000
      : null;
  const finish = answer.choices[run.choice]?.finish;
  const parts = [
    facts.first !== null && t("playground.facts.first", { ms: number.format(facts.first) }),
    facts.total !== null && t("playground.facts.total", { ms: number.format(facts.total) }),
    usage &&
      t("playground.facts.usage", {
        prompt: number.format(usage.prompt_tokens),
        completion: number.format(usage.completion_tokens),
      }),
    cost !== null && dollars(cost, i18n.language),
    finish && t("playground.facts.finish", { reason: finish }),
    run.state === "stopped" && t("playground.facts.stopped"),
    facts.requestId,
  ].filter((part): part is string => typeof part === "string" && part !== "");
  const count = answer.choices.length;
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
      {count > 1 && (
        <div role="group" aria-label={t("playground.answers")} className="flex flex-wrap gap-1">
          {answer.choices.map((_, i) => (
            <Button
              key={i}
              size="sm"
              variant={i === run.choice ? "outline" : "ghost"}
              aria-pressed={i === run.choice}
              aria-label={t("playground.answerOf", { at: i + 1, count })}
              onClick={() => choose(i)}
            >
              {i + 1}
            </Button>
          ))}
        </div>
      )}
      <p
        role="status"
        data-slot="playground-facts"
        data-state={run.state}
        className="min-h-5 text-xs [overflow-wrap:anywhere] text-muted-foreground tabular-nums"
      >
        {run.state === "running" ? t("playground.running") : parts.join(" · ")}
      </p>
    </div>
  );
}

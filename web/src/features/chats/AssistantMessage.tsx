import { Copy, RotateCcw } from "lucide-react";
import { memo } from "react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { modelsQuery } from "@/features/models/api";
import { percent } from "@/features/models/ModelState";
import { copyAndTell } from "./commands";
import { IconAction } from "./IconAction";
import { Markdown } from "./Markdown";
import { textOf } from "./reducer";
import type { Step } from "./tree";
import { Versions } from "./Versions";

type Props = {
  step: Step;
  last: boolean;
  busy: boolean;
  onRegenerate: (messageId: string) => void;
  onTurn: (messageId: string) => void;
};

export const AssistantMessage = memo(function AssistantMessage({
  step,
  last,
  busy,
  onRegenerate,
  onTurn,
}: Props) {
  const { t } = useTranslation();
  const { message } = step;
  const text = textOf(message);
  const running = message.state === "in_progress";
  return (
    <article
      data-slot="message"
      data-role="assistant"
      data-state={message.state}
      aria-label={t("chat.answer", { model: message.served_model ?? message.model ?? "" })}
      aria-busy={running}
      className="group"
    >
      <Answerer model={message.model} served={message.served_model} />
      {text !== "" && <Markdown text={text} />}
      {running && <Waiting model={message.model} compact={text !== ""} />}
      <Ending message={message} hasText={text !== ""} busy={busy} onRetry={() => onRegenerate(message.id)} />
      <div
        data-last={last}
        className="mt-1.5 -ml-2 flex min-h-8 items-center gap-0.5 group-focus-within:opacity-100 group-hover:opacity-100 data-[last=false]:pointer-fine:opacity-0 data-[last=false]:pointer-fine:has-[[data-slot=versions]]:opacity-100"
      >
        {!running && (
          <>
            {text !== "" && (
              <IconAction icon={Copy} label={t("chat.copy")} onClick={() => void copyAndTell(text)} />
            )}
            <IconAction
              icon={RotateCcw}
              label={t("chat.regenerate")}
              disabled={busy}
              onClick={() => onRegenerate(message.id)}
            />
          </>
        )}
        <Versions step={step} onTurn={onTurn} />
      </div>
    </article>
  );
});

/** Which model speaks, and by which name it was asked. */
export function Answerer({ model, served }: { model: string | null; served: string | null }) {
  const { t } = useTranslation();
  const name = served ?? model;
  if (name === null) return null;
  return (
    <p data-slot="answerer" className="mb-1.5 flex flex-wrap items-baseline gap-x-2 text-[0.8125rem]">
      <span className="font-semibold">{name}</span>
      {model !== null && model !== name && (
        <span className="text-muted-foreground">{t("chat.askedAs", { model })}</span>
      )}
    </p>
  );
}

/** Before the first token: what is being waited for. Afterwards only a mark that more comes. */
export function Waiting({ model, compact = false }: { model: string | null; compact?: boolean }) {
  const { t, i18n } = useTranslation();
  const loading = useQuery(modelsQuery).data?.find((m) => m.id === model && m.state === "loading");
  const label = loading ? t("chat.loadingModel", { model: loading.served_model }) : t("chat.thinking");
  if (compact) return <Dots label={t("nav.answering")} className="mt-3" />;
  return (
    <div className="flex min-h-6 items-center gap-2.5 text-muted-foreground">
      <Dots label={label} />
      {loading && (
        <span aria-hidden className="text-sm">
          {label} · {percent(loading.progress, i18n.language)}
        </span>
      )}
    </div>
  );
}

function Dots({ label, className = "" }: { label: string; className?: string }) {
  return (
    <span className={`flex gap-1 ${className}`} role="img" aria-label={label}>
      {["", "[animation-delay:140ms]", "[animation-delay:280ms]"].map((delay) => (
        <span key={delay} className={`size-1.75 typing-dot rounded-full bg-muted-foreground ${delay}`} />
      ))}
    </span>
  );
}

type EndingProps = { message: Message; hasText: boolean; busy: boolean; onRetry: () => void };

/** An answer that is not whole says so, and why. */
function Ending({ message, hasText, busy, onRetry }: EndingProps) {
  const { t } = useTranslation();
  if (message.state === "stopped") {
    return <Notice className="mt-3 w-fit">{hasText ? t("chat.stopped") : t("chat.stoppedEmpty")}</Notice>;
  }
  if (message.state !== "failed") return null;
  return (
    <Notice tone="danger" className="mt-3" role="alert">
      <div className="min-w-48 grow">
        <p className="font-medium">{hasText ? t("chat.failed") : t("chat.failedEmpty")}</p>
        {message.error && <p className="[overflow-wrap:anywhere]">{message.error.message}</p>}
      </div>
      <Button variant="outline" size="sm" disabled={busy} onClick={onRetry} className="text-foreground">
        <RotateCcw />
        {t("app.retry")}
      </Button>
    </Notice>
  );
}

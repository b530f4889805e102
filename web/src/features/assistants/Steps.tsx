import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { CodeBlock } from "@/features/chats/CodeBlock";
import { formatNumber } from "@/lib/format";
import { FileImage, FileLink } from "./Files";
import type { Call, Step } from "./types";

const tones = {
  in_progress: "neutral",
  completed: "good",
  failed: "danger",
  cancelled: "warning",
  expired: "warning",
} as const;

/** The calls of a step: code with its output, searches with what they found, functions with what they returned. */
export function Steps({ step }: { step: Step }) {
  const { t } = useTranslation();
  return (
    <>
      {(step.step_details.tool_calls ?? []).map((call) => (
        <details
          key={call.id}
          open
          className="rounded-xl border bg-card"
          data-slot="call"
          data-type={call.type}
        >
          <summary className="flex cursor-pointer flex-wrap items-center justify-between gap-x-4 px-4 py-2 text-sm">
            <span className="font-medium">
              {call.type === "function" ? (
                <>
                  {t("assistants.kinds.function")} <code className="font-mono">{call.function?.name}</code>
                </>
              ) : (
                t(`assistants.kinds.${call.type}`)
              )}
            </span>
            <Status tone={tones[step.status]}>{t(`assistants.steps.${step.status}`)}</Status>
          </summary>
          <div className="grid gap-3 border-t p-4 *:min-w-0">
            <CallView call={call} running={step.status === "in_progress"} />
          </div>
        </details>
      ))}
      {step.last_error && (
        <p className="rounded-xl border border-danger-border bg-danger-surface px-4 py-2 text-sm text-danger">
          {step.last_error.message}
        </p>
      )}
    </>
  );
}

function CallView({ call, running }: { call: Call; running: boolean }) {
  const { t } = useTranslation();
  if (call.code_interpreter) {
    const { input, outputs } = call.code_interpreter;
    return (
      <>
        <CodeBlock code={input} language="python" />
        {outputs.map((output, i) =>
          output.image ? (
            <FileImage key={i} file={output.image.file_id} />
          ) : (
            <Text key={i} label={t("assistants.output")} text={output.logs ?? ""} />
          ),
        )}
      </>
    );
  }
  if (call.function) {
    const { arguments: args, output } = call.function;
    return (
      <>
        <Text label={t("assistants.arguments")} text={args} />
        {output !== null && <Text label={t("assistants.returned")} text={output} />}
      </>
    );
  }
  const results = call.file_search?.results ?? [];
  if (results.length === 0)
    return <p className="text-sm text-muted-foreground">{running ? "…" : t("assistants.noHits")}</p>;
  return (
    <ol className="grid gap-2 text-sm">
      {results.map((hit, i) => (
        <li key={i} className="grid gap-0.5">
          <span className="flex flex-wrap justify-between gap-x-4">
            <FileLink file={hit.file_id} name={hit.file_name} />
            <span className="text-muted-foreground tabular-nums">
              {t("assistants.score", {
                score: formatNumber(Math.round(hit.score * 1000) / 1000),
              })}
            </span>
          </span>
          {hit.content?.map(({ text }, j) => (
            <p key={j} className="line-clamp-4 [overflow-wrap:anywhere] text-muted-foreground">
              {text}
            </p>
          ))}
        </li>
      ))}
    </ol>
  );
}

function Text({ label, text }: { label: string; text: string }) {
  return (
    <div className="grid gap-1">
      <span className="text-xs text-muted-foreground">{label}</span>
      <pre
        tabIndex={0}
        aria-label={label}
        role="region"
        className="max-h-80 overflow-auto rounded-lg bg-code p-3 font-mono text-xs leading-relaxed [overflow-wrap:anywhere] whitespace-pre-wrap"
      >
        {text}
      </pre>
    </div>
  );
}

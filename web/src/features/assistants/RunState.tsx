import { useState } from "react";
import { useTranslation } from "react-i18next";
import { TextAreaField } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { formatNumber, formatTime } from "@/lib/format";
import { answerCalls } from "./bench";
import type { Run } from "./types";

/** Below the thread: how its last run stands, in words; what it waits for can be answered. */
export function RunState({ run, may, busy }: { run: Run; may: boolean; busy: boolean }) {
  const { t } = useTranslation();
  const { status, last_error: error, usage, incomplete_details: incomplete } = run;
  const code = run.tools.some(({ type }) => type === "code_interpreter");
  return (
    <div className="grid gap-2 *:min-w-0" data-slot="run" data-status={status}>
      {error && (
        <Notice tone="danger" role="alert">
          <div className="min-w-0 [overflow-wrap:anywhere]">
            <p className="font-medium">{t(`assistants.errors.${error.code}`)}</p>
            <p>{error.message}</p>
            {code && error.code === "server_error" && <p>{t("assistants.codeOff")}</p>}
          </div>
        </Notice>
      )}
      {incomplete && (
        <Notice tone="warning">{t("assistants.incomplete", { reason: incomplete.reason })}</Notice>
      )}
      {status === "requires_action" && run.required_action && may && !busy && (
        <Outputs key={run.required_action.submit_tool_outputs.tool_calls[0]?.id} run={run} />
      )}
      <p className="flex flex-wrap gap-x-4 text-xs text-muted-foreground">
        <span>{t(`assistants.statuses.${status}`)}</span>
        {usage && (
          <span>
            {t("assistants.usage", {
              prompt: formatNumber(usage.prompt_tokens),
              completion: formatNumber(usage.completion_tokens),
            })}
          </span>
        )}
        {status === "requires_action" && run.expires_at !== null && (
          <span>{t("assistants.waitsUntil", { time: formatTime(run.expires_at) })}</span>
        )}
        <code className="font-mono">{run.id}</code>
      </p>
    </div>
  );
}

/** What functions returned, by hand. */
function Outputs({ run }: { run: Run }) {
  const { t } = useTranslation();
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
  const [outputs, setOutputs] = useState<Readonly<Record<string, string>>>({});
  return (
    <form
      data-slot="outputs"
      className="grid gap-3 rounded-xl border border-warning-border bg-warning-surface p-4 *:min-w-0"
      onSubmit={(event) => {
        event.preventDefault();
        void answerCalls(
          run,
          calls.map((call) => ({ id: call.id, name: call.function.name, output: outputs[call.id] ?? "" })),
        );
      }}
    >
      <p className="text-sm font-medium">{t("assistants.outputsTitle")}</p>
      {calls.map((call) => (
        <TextAreaField
          key={call.id}
          label={t("assistants.outputOf", { name: call.function.name })}
          hint={<code className="font-mono text-xs [overflow-wrap:anywhere]">{call.function.arguments}</code>}
          rows={2}
          value={outputs[call.id] ?? ""}
          onChange={(output) => setOutputs((all) => ({ ...all, [call.id]: output }))}
        />
      ))}
      <span>
        <Button type="submit">{t("assistants.submitOutputs")}</Button>
      </span>
    </form>
  );
}

import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/console/fields";
import { useStore } from "@/lib/store";
import { change, playground } from "./playground";
import { FieldProblems } from "./Problems";
import { RunBar } from "./RunBar";

const box =
  "min-h-40 w-full min-w-0 resize-y rounded-lg border border-input bg-background px-3 py-2 leading-6 outline-none focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25";

/** A text, an instruction, and what came of them side by side. */
export function EditPane() {
  const { t } = useTranslation();
  const { input, instruction } = useStore(playground, (state) => state.setup);
  const run = useStore(playground, (state) => (state.run?.mode === "edit" ? state.run : null));
  const result = run?.answer.choices[run.choice]?.text;
  return (
    <>
      <div className="relative grid min-h-0 grow content-start gap-4 overflow-y-auto px-4 py-4 *:min-w-0 md:px-6">
        <div className="grid gap-4 lg:grid-cols-2">
          <Field label={t("playground.input")}>
            {(control) => (
              <textarea
                {...control}
                rows={10}
                value={input}
                className={box}
                onChange={(event) => change({ input: event.target.value })}
              />
            )}
          </Field>
          <Field label={t("playground.result")}>
            {(control) => (
              <textarea
                {...control}
                rows={10}
                readOnly
                value={result ?? ""}
                aria-busy={run?.state === "running"}
                placeholder={t("playground.resultHint")}
                className={`${box} bg-surface`}
              />
            )}
          </Field>
        </div>
        <Field label={t("playground.instruction")}>
          {(control) => (
            <textarea
              {...control}
              rows={3}
              value={instruction}
              placeholder={t("playground.instructionHint")}
              className={box.replace("min-h-40", "min-h-20")}
              onChange={(event) => change({ instruction: event.target.value })}
            />
          )}
        </Field>
        <FieldProblems field="instruction" />
        <span>
          <Button
            variant="outline"
            size="sm"
            disabled={result === undefined || run?.state === "running"}
            onClick={() => result !== undefined && change({ input: result })}
          >
            {t("playground.useAsInput")}
          </Button>
        </span>
      </div>
      <RunBar />
    </>
  );
}

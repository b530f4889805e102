import { useTranslation } from "react-i18next";
import { CheckField, SelectField, TextField } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { useStore } from "@/lib/store";
import { BiasEditor } from "./BiasEditor";
import { FunctionsEditor, SchemaEditor } from "./JsonEditors";
import { ModelField } from "./ModelField";
import { NumberField } from "./NumberField";
import { changeParams, playground } from "./playground";
import { defaults, formats, maxStop, spectra } from "./setup";
import { StopEditor } from "./StopEditor";

const most = Number.MAX_SAFE_INTEGER;

/** Every parameter of the mode's endpoint, in the order of the original's panel. */
export function Parameters() {
  const { t } = useTranslation();
  const mode = useStore(playground, (state) => state.setup.mode);
  const params = useStore(playground, (state) => state.setup.params);
  const sampled = mode !== "edit";
  const number = (value: number | null, otherwise: number) => value ?? otherwise;
  return (
    <div className="grid gap-4 *:min-w-0">
      <ModelField />
      {mode === "chat" && (
        <SelectField
          label={t("playground.params.format")}
          value={params.format}
          options={formats.map((value) => ({ value, label: t(`playground.formats.${value}`) }))}
          onChange={(format) => changeParams({ format })}
        />
      )}
      {mode === "chat" && params.format === "json_schema" && <SchemaEditor />}
      {mode === "chat" && <FunctionsEditor />}
      <NumberField
        label={t("playground.params.temperature")}
        min={0}
        max={2}
        step={0.01}
        value={params.temperature}
        onChange={(v) => changeParams({ temperature: number(v, 1) })}
      />
      {sampled && (
        <NumberField
          label={t("playground.params.maxTokens")}
          min={mode === "chat" ? 1 : 0}
          max={1_000_000}
          sliderMax={4096}
          step={1}
          value={params.maxTokens}
          empty={t("playground.params.none")}
          onChange={(maxTokens) => changeParams({ maxTokens })}
        />
      )}
      {sampled && (
        <StopEditor
          label={t("playground.params.stop")}
          hint={t("playground.params.stopHint", { count: maxStop })}
          value={params.stop}
          onChange={(stop) => changeParams({ stop })}
        />
      )}
      <NumberField
        label={t("playground.params.topP")}
        min={0}
        max={1}
        step={0.01}
        value={params.topP}
        onChange={(v) => changeParams({ topP: number(v, 1) })}
      />
      {sampled && (
        <>
          <NumberField
            label={t("playground.params.frequencyPenalty")}
            min={-2}
            max={2}
            step={0.01}
            value={params.frequencyPenalty}
            onChange={(v) => changeParams({ frequencyPenalty: number(v, 0) })}
          />
          <NumberField
            label={t("playground.params.presencePenalty")}
            min={-2}
            max={2}
            step={0.01}
            value={params.presencePenalty}
            onChange={(v) => changeParams({ presencePenalty: number(v, 0) })}
          />
        </>
      )}
      <NumberField
        label={t("playground.params.n")}
        min={1}
        max={mode === "edit" ? 20 : 128}
        sliderMax={20}
        step={1}
        value={params.n}
        onChange={(v) => changeParams({ n: number(v, 1) })}
      />
      {mode === "complete" && (
        <NumberField
          label={t("playground.params.bestOf")}
          hint={params.bestOf > params.n ? t("playground.params.bestOfHint") : ""}
          min={1}
          max={20}
          step={1}
          value={params.bestOf}
          onChange={(v) => changeParams({ bestOf: number(v, 1) })}
        />
      )}
      {sampled && (
        <>
          <SelectField
            label={t("playground.params.probabilities")}
            value={params.probabilities}
            options={spectra.map((value) => ({ value, label: t(`playground.spectra.${value}`) }))}
            onChange={(probabilities) => changeParams({ probabilities })}
          />
          {params.probabilities !== "off" && (
            <NumberField
              label={t("playground.params.alternatives")}
              min={0}
              max={mode === "chat" ? 20 : 5}
              step={1}
              value={Math.min(params.alternatives, mode === "chat" ? 20 : 5)}
              onChange={(v) => changeParams({ alternatives: number(v, defaults.alternatives) })}
            />
          )}
          <BiasEditor />
          <NumberField
            label={t("playground.params.seed")}
            min={-most}
            max={most}
            step={1}
            slider={false}
            value={params.seed}
            empty={t("playground.params.none")}
            onChange={(seed) => changeParams({ seed })}
          />
          <TextField
            label={t("playground.params.user")}
            value={params.user}
            maxLength={512}
            autoComplete="off"
            onChange={(user) => changeParams({ user })}
          />
        </>
      )}
      {mode === "complete" && (
        <>
          <CheckField
            label={t("playground.params.echo")}
            checked={params.echo}
            onChange={(echo) => changeParams({ echo })}
          />
          <StopEditor
            label={t("playground.params.startText")}
            hint={t("playground.params.startHint")}
            single
            value={params.startText === "" ? [] : [params.startText]}
            onChange={([startText = ""]) => changeParams({ startText })}
          />
          <StopEditor
            label={t("playground.params.restartText")}
            hint={t("playground.params.restartHint")}
            single
            value={params.restartText === "" ? [] : [params.restartText]}
            onChange={([restartText = ""]) => changeParams({ restartText })}
          />
        </>
      )}
      <Button variant="outline" onClick={() => changeParams(defaults)}>
        {t("playground.params.reset")}
      </Button>
    </div>
  );
}

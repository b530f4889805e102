import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { CheckField, Field, Form, SelectField, TextAreaField, TextField } from "@/components/console/fields";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Input } from "@/components/ui/input";
import { toast } from "@/components/ui/toaster";
import { chatModels, modelsQuery, pickModel } from "@/features/models/api";
import { NumberField } from "@/features/playground/NumberField";
import { assistantsKey, saveAssistant, vectorStoresQuery } from "./api";
import { FileField } from "./FileField";
import { bodyOf, draftOf, formats, type Problem } from "./form";
import type { Assistant } from "./types";

/** Makes an assistant, or changes one. */
export function AssistantForm({
  assistant,
  onDone,
}: {
  assistant: Assistant | null;
  onDone: (saved: Assistant) => void;
}) {
  const { t } = useTranslation();
  // The texts take different values; each problem comes with its own.
  const say = t as (key: string, values?: Problem["values"]) => string;
  const client = useQueryClient();
  const models = chatModels(useQuery(modelsQuery).data);
  const stores = useQuery(vectorStoresQuery).data ?? [];
  const list = useId();
  const [edited, setEdited] = useState<Partial<ReturnType<typeof draftOf>>>({});
  const [tried, setTried] = useState(false);
  const draft = { ...draftOf(assistant, pickModel(models, "gpt-4")?.id ?? ""), ...edited };
  const set = (change: typeof edited) => setEdited((old) => ({ ...old, ...change }));
  const { body, problems } = bodyOf(draft, assistant);
  const problem = (field: Problem["field"], always = false) => {
    const one = problems.find((p) => p.field === field);
    return one && (tried || always) ? say(`assistants.problems.${one.key}`, one.values) : undefined;
  };
  const save = useMutation({
    mutationFn: () => saveAssistant(assistant?.id ?? null, body),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: assistantsKey });
      toast(t("console.form.saved"));
      onDone(saved);
    },
  });

  return (
    <DialogContent className="max-h-[90dvh] max-w-2xl overflow-y-auto">
      <DialogTitle>{assistant === null ? t("assistants.create") : t("assistants.edit")}</DialogTitle>
      <Form
        onSubmit={() => {
          setTried(true);
          if (problems.length === 0) save.mutate();
        }}
        busy={save.isPending}
        error={save.error}
        errorTitle={t("assistants.notSaved")}
        submit={assistant === null ? t("console.form.create") : t("console.form.save")}
        cancel
      >
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            label={t("assistants.name")}
            optional
            maxLength={256}
            value={draft.name}
            onChange={(name) => set({ name })}
          />
          <Field label={t("assistants.model")} error={problem("model")}>
            {(control) => (
              <>
                <Input
                  {...control}
                  list={list}
                  autoComplete="off"
                  value={draft.model}
                  onChange={(event) => set({ model: event.target.value })}
                />
                <datalist id={list}>
                  {models.map((model) => (
                    <option key={model.id} value={model.id} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
        </div>
        <TextField
          label={t("assistants.description")}
          optional
          maxLength={512}
          value={draft.description}
          onChange={(description) => set({ description })}
        />
        <TextAreaField
          label={t("assistants.instructions")}
          optional
          rows={5}
          value={draft.instructions}
          onChange={(instructions) => set({ instructions })}
        />
        <fieldset className="grid gap-3 rounded-xl border p-4">
          <legend className="px-1 text-sm font-medium">{t("assistants.tools")}</legend>
          <CheckField
            label={t("assistants.kinds.file_search")}
            hint={t("assistants.searchHint")}
            checked={draft.search}
            onChange={(search) => set({ search })}
          />
          {draft.search && (
            <SelectField
              className="pl-6.5"
              label={t("assistants.store")}
              hint={stores.length === 0 ? t("assistants.noStores") : undefined}
              value={draft.store}
              options={[
                { value: "", label: t("assistants.noStore") },
                ...stores.map(({ id, name }) => ({ value: id, label: name === "" ? id : name })),
                ...(draft.store !== "" && !stores.some(({ id }) => id === draft.store)
                  ? [{ value: draft.store, label: draft.store }]
                  : []),
              ]}
              onChange={(store) => set({ store })}
            />
          )}
          <CheckField
            label={t("assistants.kinds.code_interpreter")}
            hint={t("assistants.codeHint")}
            checked={draft.code}
            onChange={(code) => set({ code })}
          />
          {draft.code && (
            <div className="pl-6.5">
              <FileField
                label={t("assistants.codeFiles")}
                max={20}
                value={draft.files}
                onChange={(files) => set({ files })}
              />
            </div>
          )}
          <div className="font-mono text-xs [&_label]:font-sans [&_label]:text-sm [&_p]:font-sans">
            <TextAreaField
              label={t("assistants.functions")}
              hint={t("assistants.functionsHint")}
              optional
              rows={draft.functions === "" ? 3 : 10}
              spellCheck={false}
              placeholder='[{"name": "get_weather", "parameters": {"type": "object", "properties": {}}}]'
              error={problem("functions", true)}
              value={draft.functions}
              onChange={(functions) => set({ functions })}
            />
          </div>
        </fieldset>
        <div className="grid gap-4 sm:grid-cols-2">
          <NumberField
            label={t("assistants.temperature")}
            min={0}
            max={2}
            step={0.01}
            value={draft.temperature}
            onChange={(temperature) => set({ temperature: temperature ?? 1 })}
          />
          <NumberField
            label={t("assistants.topP")}
            min={0}
            max={1}
            step={0.01}
            value={draft.topP}
            onChange={(topP) => set({ topP: topP ?? 1 })}
          />
        </div>
        <SelectField
          label={t("assistants.format")}
          value={draft.format}
          options={formats.map((value) => ({ value, label: t(`assistants.formats.${value}`) }))}
          onChange={(format) => set({ format })}
        />
        {draft.format === "json_schema" && (
          <div className="font-mono text-xs [&_label]:font-sans [&_label]:text-sm [&_p]:font-sans">
            <TextAreaField
              label={t("assistants.schema")}
              rows={8}
              spellCheck={false}
              placeholder='{"name": "answer", "schema": {"type": "object"}}'
              error={problem("schema", draft.schema !== "")}
              value={draft.schema}
              onChange={(schema) => set({ schema })}
            />
          </div>
        )}
      </Form>
    </DialogContent>
  );
}

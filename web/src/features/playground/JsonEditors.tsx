import { useTranslation } from "react-i18next";
import { CheckField, SelectField, TextAreaField } from "@/components/console/fields";
import { useStore } from "@/lib/store";
import { changeParams, playground } from "./playground";
import { FieldProblems } from "./Problems";
import { functionNames } from "./request";
import { functionKinds } from "./setup";

/** Functions that the model may call, as JSON, and which of them it has to. */
export function FunctionsEditor() {
  const { t } = useTranslation();
  const params = useStore(playground, (state) => state.setup.params);
  const names = params.functionKind === "none" ? [] : functionNames(params.functions);
  const words = params.functionKind === "tools" ? ["auto", "none", "required"] : ["auto", "none"];
  const wished = params.choice.startsWith("=") ? [...new Set([...names, params.choice.slice(1)])] : names;
  return (
    <>
      <SelectField
        label={t("playground.params.functions")}
        value={params.functionKind}
        options={functionKinds.map((value) => ({ value, label: t(`playground.functionKinds.${value}`) }))}
        onChange={(functionKind) => changeParams({ functionKind })}
      />
      {params.functionKind !== "none" && (
        <>
          <div className="grid gap-1.5 font-mono text-xs [&_label]:font-sans [&_label]:text-sm">
            <TextAreaField
              label={t("playground.params.functionsJson")}
              rows={12}
              spellCheck={false}
              value={params.functions}
              onChange={(functions) => changeParams({ functions })}
            />
            <div className="font-sans">
              <FieldProblems field="functions" always />
            </div>
          </div>
          <SelectField
            label={t("playground.params.choice")}
            value={words.includes(params.choice) || params.choice.startsWith("=") ? params.choice : "auto"}
            options={[
              ...words.map((value) => ({ value, label: value })),
              ...wished.map((name) => ({ value: `=${name}`, label: name })),
            ]}
            onChange={(choice) => changeParams({ choice })}
          />
          {params.functionKind === "tools" && (
            <CheckField
              label={t("playground.params.parallel")}
              checked={params.parallel}
              onChange={(parallel) => changeParams({ parallel })}
            />
          )}
        </>
      )}
    </>
  );
}

/** The JSON Schema that the answer has to satisfy, with or without the name around it. */
export function SchemaEditor() {
  const { t } = useTranslation();
  const schema = useStore(playground, (state) => state.setup.params.schema);
  return (
    <div className="grid gap-1.5 font-mono text-xs [&_label]:font-sans [&_label]:text-sm">
      <TextAreaField
        label={t("playground.params.schema")}
        rows={10}
        spellCheck={false}
        value={schema}
        onChange={(text) => changeParams({ schema: text })}
      />
      <div className="font-sans">
        <FieldProblems field="schema" always />
      </div>
    </div>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Field, Form, SelectField, TextField } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Input } from "@/components/ui/input";
import { toast } from "@/components/ui/toaster";
import { modelsQuery } from "@/features/models/api";
import { calendarKey, type Entry, type Scope, setEntry } from "./api";
import { bodyOf, changesOf, type DayChoice, type Draft, draftOf, prices } from "./form";

/** Prices of what the server does not do yet. */
const unused: ReadonlySet<string> = new Set(["image_price", "minute_price", "speech_price"]);

/** Changes a name, or makes a new one. What is left empty stays as the table, or the operator, says. */
export function EntryForm({
  scope,
  entries,
  name,
  onDone,
}: {
  scope: Scope;
  entries: Entry[];
  name: string;
  onDone: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const models = useQuery(modelsQuery).data;
  const entry = entries.find((e) => e.name === name);
  const before = changesOf(entry, scope);
  const [called, setCalled] = useState(name);
  const [draft, setDraft] = useState<Draft>(() => draftOf(before));
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const save = useMutation({
    mutationFn: () => setEntry(scope, called.trim(), bodyOf(draft, before)),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: calendarKey });
      await client.invalidateQueries({ queryKey: modelsQuery.queryKey });
      toast(t("console.form.saved"));
      onDone();
    },
  });
  const served = [...new Set(models?.map((m) => m.served_model))].filter((m) => m !== "");
  const now = (value: string | number | undefined) =>
    value === undefined || value === "" ? t("calendar.asItIs") : String(value);
  return (
    <DialogContent className="max-w-2xl">
      <DialogTitle>{name === "" ? t("calendar.addTitle") : t("calendar.editTitle", { name })}</DialogTitle>
      <p className="text-sm text-muted-foreground">
        {t(scope === "installation" ? "calendar.hintAll" : "calendar.hintOrganization")}
      </p>
      <Form
        onSubmit={() => save.mutate()}
        busy={save.isPending}
        error={save.error}
        errorTitle={t("calendar.notSaved")}
        submit={t("console.form.save")}
        disabled={called.trim() === ""}
        cancel
      >
        {name === "" && (
          <TextField
            label={t("calendar.name")}
            hint={t("calendar.nameHint")}
            value={called}
            onChange={setCalled}
            maxLength={200}
            autoComplete="off"
          />
        )}
        <div className="grid gap-4 *:min-w-0 sm:grid-cols-2">
          <TextField
            label={t("calendar.served")}
            hint={t("calendar.servedHint")}
            value={draft.served}
            onChange={(value) => set({ served: value })}
            placeholder={now(entry?.today.served_by)}
            list="calendar-served"
            autoComplete="off"
          />
          <datalist id="calendar-served">
            {served.map((m) => (
              <option key={m} value={m} />
            ))}
          </datalist>
          <SelectField
            label={t("calendar.kind")}
            value={draft.kind}
            onChange={(kind) => set({ kind })}
            options={[
              { value: "", label: t("calendar.asItIs") },
              ...(["chat", "completion", "edit", "embedding"] as const).map((value) => ({
                value,
                label: t(`calendar.kinds.${value}`),
              })),
            ]}
          />
          <DayField
            label={t("calendar.announced")}
            now={entry?.announced}
            value={draft.announced}
            onChange={(announced) => set({ announced })}
          />
          <DayField
            label={t("calendar.shutdown")}
            now={entry?.shutdown}
            value={draft.shutdown}
            onChange={(shutdown) => set({ shutdown })}
          />
          <SelectField
            label={t("calendar.after")}
            value={draft.after}
            onChange={(after) => set({ after })}
            options={[
              { value: "", label: t("calendar.asItIs") },
              { value: "keep", label: t("calendar.keep") },
              { value: "fail", label: t("calendar.fail") },
            ]}
          />
          <TextField
            label={t("calendar.replacement")}
            value={draft.replacement}
            onChange={(replacement) => set({ replacement })}
            placeholder={now(entry?.replacement)}
            autoComplete="off"
          />
        </div>
        <Moves value={draft.moves} now={entry?.moves} onChange={(moves) => set({ moves })} />
        <div className="grid gap-4 *:min-w-0 sm:grid-cols-3">
          <TextField
            label={t("calendar.window")}
            value={draft.window}
            onChange={(value) => set({ window: value })}
            placeholder={now(entry?.window)}
            inputMode="numeric"
          />
          <TextField
            label={t("calendar.encoding")}
            value={draft.encoding}
            onChange={(encoding) => set({ encoding })}
            placeholder={now(entry?.today.encoding)}
            list="calendar-encodings"
            autoComplete="off"
          />
          <datalist id="calendar-encodings">
            {["native", "cl100k_base", "o200k_base", "p50k_base", "p50k_edit", "r50k_base"].map((value) => (
              <option key={value} value={value} />
            ))}
          </datalist>
          <SelectField
            label={t("calendar.count")}
            value={draft.count}
            onChange={(count) => set({ count })}
            options={[
              { value: "", label: t("calendar.asItIs") },
              { value: "native", label: t("calendar.countNative") },
              { value: "encoding", label: t("calendar.countEncoding") },
            ]}
          />
          {prices.map((name_) => (
            <TextField
              key={name_}
              label={t(`calendar.price.${name_}`)}
              hint={unused.has(name_) ? t("calendar.unusedPrice") : undefined}
              value={draft[name_]}
              onChange={(value) => set({ [name_]: value })}
              placeholder={now(entry?.[name_])}
              inputMode="decimal"
            />
          ))}
          <TextField
            label={t("calendar.dimensions")}
            value={draft.dimensions}
            onChange={(dimensions) => set({ dimensions })}
            placeholder={now(entry?.dimensions)}
            inputMode="numeric"
          />
          <TextField
            label={t("calendar.ownedBy")}
            value={draft.owned_by}
            onChange={(value) => set({ owned_by: value })}
            placeholder={now(entry?.owned_by)}
            autoComplete="off"
          />
        </div>
      </Form>
    </DialogContent>
  );
}

function DayField({
  label,
  now,
  value,
  onChange,
}: {
  label: string;
  now: string | undefined;
  value: DayChoice;
  onChange: (value: DayChoice) => void;
}) {
  const { t } = useTranslation();
  return (
    <div className="grid content-start gap-2">
      <SelectField
        label={label}
        value={value.how}
        onChange={(how) => onChange({ ...value, how })}
        options={[
          {
            value: "keep",
            label: now === undefined ? t("calendar.asItIs") : t("calendar.asItIsNow", { now }),
          },
          { value: "on", label: t("calendar.onADay") },
          { value: "never", label: t("calendar.never") },
        ]}
      />
      {value.how === "on" && (
        <Input
          type="date"
          required
          aria-label={t("calendar.dayOf", { what: label })}
          value={value.day}
          onChange={(event) => onChange({ ...value, day: event.target.value })}
        />
      )}
    </div>
  );
}

/** Which snapshot the name stands for from which day on. */
function Moves({
  value,
  now,
  onChange,
}: {
  value: Draft["moves"];
  now: { from: string; to: string }[] | undefined;
  onChange: (value: Draft["moves"]) => void;
}) {
  const { t } = useTranslation();
  const rows = value ?? [];
  const change = (at: number, part: Partial<{ from: string; to: string }>) =>
    onChange(rows.map((row, i) => (i === at ? { ...row, ...part } : row)));
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 text-sm font-medium">{t("calendar.moves")}</legend>
      {value === null ? (
        <p className="text-sm text-muted-foreground">
          {now === undefined || now.length === 0
            ? t("calendar.noMoves")
            : now.map((move) => `${move.from} → ${move.to}`).join(", ")}
        </p>
      ) : (
        rows.length === 0 && <p className="text-sm text-muted-foreground">{t("calendar.movesNone")}</p>
      )}
      {rows.map((move, at) => (
        <div key={at} className="flex flex-wrap items-end gap-2">
          <Field label={t("calendar.from")} className="w-40">
            {(control) => (
              <Input
                {...control}
                type="date"
                required
                value={move.from}
                onChange={(event) => change(at, { from: event.target.value })}
              />
            )}
          </Field>
          <Field label={t("calendar.to")} className="min-w-40 grow">
            {(control) => (
              <Input
                {...control}
                required
                value={move.to}
                autoComplete="off"
                onChange={(event) => change(at, { to: event.target.value })}
              />
            )}
          </Field>
          <Button
            variant="ghost"
            size="icon"
            aria-label={t("calendar.removeMove")}
            onClick={() => onChange(rows.filter((_, i) => i !== at))}
          >
            <X />
          </Button>
        </div>
      ))}
      <div className="flex flex-wrap gap-2">
        <Button
          variant="outline"
          size="sm"
          onClick={() => onChange([...(value ?? now ?? []), { from: "", to: "" }])}
        >
          <Plus aria-hidden />
          {t("calendar.addMove")}
        </Button>
        {value !== null && (
          <Button variant="ghost" size="sm" onClick={() => onChange(null)}>
            {t("calendar.asItIs")}
          </Button>
        )}
      </div>
    </fieldset>
  );
}

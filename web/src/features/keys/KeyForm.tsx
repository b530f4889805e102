import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Key } from "@/api/types";
import { CheckField, Field, Form, RadioField, SelectField, TextField } from "@/components/console/fields";
import { Choice } from "@/components/ui/toggle-group";
import { Input } from "@/components/ui/input";
import { membershipsQuery } from "@/features/console/api";
import { sessionQuery } from "@/features/session/api";
import { formatTime } from "@/lib/format";
import type { KeyForm as Values } from "./api";
import { ModelsField } from "./ModelsField";
import { groups, type Levels, levelsOf, noLevels, scopesOf } from "./scopes";

const lifetimes = ["never", "7", "30", "90", "365", "date"] as const;
type Lifetime = (typeof lifetimes)[number] | "keep";

const day = 24 * 60 * 60;

type KeyFormProps = {
  /** The key that is changed; null for a new one. */
  of: Key | null;
  busy: boolean;
  error: unknown;
  onSubmit: (values: Values, project: string) => void;
};

/** What a key is called and may do: for a new one and for one that is changed. */
export function KeyForm({ of, busy, error, onSubmit }: KeyFormProps) {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const { data: memberships = [] } = useQuery(membershipsQuery);
  const [name, setName] = useState(of?.name ?? "");
  const [project, setProject] = useState(session?.project.id ?? "");
  const [permission, setPermission] = useState(of?.permission ?? "all");
  const [levels, setLevels] = useState<Levels>(
    of?.permission === "restricted" ? levelsOf(of.scopes).levels : noLevels,
  );
  const [models, setModels] = useState<string[] | null>(of?.models ?? null);
  const [lifetime, setLifetime] = useState<Lifetime>(of?.expires_at == null ? "never" : "keep");
  const [date, setDate] = useState("");
  const [track, setTrack] = useState(of?.track_usage ?? true);

  const before = of?.permission === "restricted" ? of.scopes : [];
  const others = levelsOf(before).others;
  const projects = memberships.find(({ id }) => id === session?.organization.id)?.projects ?? [];
  const nothing = permission === "restricted" && scopesOf(levels, before).length === 0;

  function submit() {
    const values: Values = { permission, models, track_usage: track };
    if (name.trim() !== "" || of?.name !== "") values.name = name.trim();
    if (permission === "restricted") values.scopes = scopesOf(levels, before);
    if (lifetime === "never") values.expires_at = null;
    else if (lifetime === "date") values.expires_at = endOf(date);
    else if (lifetime !== "keep") values.expires_at = Math.floor(Date.now() / 1000) + Number(lifetime) * day;
    onSubmit(values, project);
  }

  return (
    <Form
      submit={of ? t("console.form.save") : t("keys.create")}
      cancel
      busy={busy}
      error={error}
      errorTitle={of ? t("keys.notChanged") : t("keys.notMade")}
      disabled={nothing || (lifetime === "date" && date === "")}
      onSubmit={submit}
    >
      <TextField
        label={t("keys.name")}
        hint={t("keys.nameHint")}
        value={name}
        onChange={setName}
        maxLength={100}
        autoComplete="off"
        required
      />
      {of === null && projects.length > 1 && (
        <SelectField
          label={t("keys.project")}
          value={project}
          options={projects.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={setProject}
        />
      )}
      <RadioField
        label={t("keys.permissions")}
        value={permission}
        options={(["all", "restricted", "read_only"] as const).map((value) => ({
          value,
          label: t(`keys.permission.${value}`),
          hint: t(`keys.permissionHint.${value}`),
        }))}
        onChange={setPermission}
      />
      {permission === "restricted" && (
        <div className="grid gap-1 rounded-xl border bg-card p-3">
          {groups.map((group) => (
            <div key={group} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 py-0.5">
              <span className="text-sm">{t(`keys.group.${group}`)}</span>
              <Choice
                label={t(`keys.group.${group}`)}
                value={levels[group]}
                options={(["none", "read", "write"] as const).map((value) => ({
                  value,
                  label: t(`keys.level.${value}`),
                }))}
                onChange={(level) => setLevels((all) => ({ ...all, [group]: level }))}
              />
            </div>
          ))}
          {others.length > 0 && (
            <p className="pt-1 text-sm text-muted-foreground">
              {t("keys.otherScopes")} <code className="font-mono text-xs">{others.join(" ")}</code>
            </p>
          )}
          {nothing && <p className="pt-1 text-sm text-danger">{t("keys.nothing")}</p>}
        </div>
      )}
      <ModelsField value={models} onChange={setModels} />
      <SelectField
        label={t("keys.expiry")}
        value={lifetime}
        options={[
          ...(of?.expires_at != null
            ? [{ value: "keep" as const, label: t("keys.keepExpiry", { time: formatTime(of.expires_at) }) }]
            : []),
          ...lifetimes.map((value) => ({
            value,
            label:
              value === "never" || value === "date"
                ? t(`keys.lifetime.${value}`)
                : t("keys.lifetime.days", { count: Number(value) }),
          })),
        ]}
        onChange={setLifetime}
      />
      {lifetime === "date" && (
        <Field label={t("keys.lastDay")} hint={t("keys.lastDayHint")}>
          {(control) => (
            <Input
              {...control}
              type="date"
              value={date}
              min={today()}
              onChange={(event) => setDate(event.target.value)}
              required
            />
          )}
        </Field>
      )}
      <CheckField label={t("keys.track")} hint={t("keys.trackHint")} checked={track} onChange={setTrack} />
    </Form>
  );
}

/** The last second of a day where the reader is, in seconds since 1970. */
function endOf(date: string): number {
  return Math.floor(new Date(`${date}T23:59:59`).getTime() / 1000);
}

function today(): string {
  const now = new Date();
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
}

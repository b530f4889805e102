import { useMutation, useQueryClient } from "@tanstack/react-query";
import { PencilLine } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/console/Badge";
import { Form, SelectField, TextAreaField, TextField } from "@/components/console/fields";
import { Button } from "@/components/ui/button";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { formatTime } from "@/lib/format";
import { editIncident, type Incident, impacts, rewriteUpdate, statuses, statusKey, writeUpdate } from "./api";
import { ComponentsField } from "./ComponentsField";

/** An incident with what was written about it, and the place for the next words. */
export function IncidentDialog({ incident }: { incident: Incident }) {
  const { t } = useTranslation();
  const [editing, setEditing] = useState(false);
  return (
    <DialogContent className="max-w-xl">
      <DialogTitle className="[overflow-wrap:anywhere]">{incident.name}</DialogTitle>
      {editing ? (
        <Edit incident={incident} onDone={() => setEditing(false)} />
      ) : (
        <p className="flex flex-wrap items-center gap-2 text-sm text-muted-foreground">
          <Badge>{t(`status.impacts.${incident.impact}`)}</Badge>
          {incident.components.map((id) => (
            <Badge key={id}>{t(`status.components.${id as "api"}`)}</Badge>
          ))}
          {formatTime(incident.started_at)}
          <Button variant="ghost" size="sm" onClick={() => setEditing(true)}>
            <PencilLine aria-hidden />
            {t("status.edit")}
          </Button>
        </p>
      )}
      <Write incident={incident} />
      <ol className="grid gap-3" aria-label={t("status.updates")}>
        {incident.updates.map((update) => (
          <UpdateItem key={update.id} incident={incident} update={update} />
        ))}
      </ol>
    </DialogContent>
  );
}

function useSaved() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return async () => {
    await client.invalidateQueries({ queryKey: statusKey });
    toast(t("console.form.saved"));
  };
}

function Write({ incident }: { incident: Incident }) {
  const { t } = useTranslation();
  const saved = useSaved();
  const [body, setBody] = useState("");
  const [status, setStatus] = useState(incident.status);
  const write = useMutation({
    mutationFn: () => writeUpdate(incident.id, { body, status }),
    onSuccess: async () => {
      setBody("");
      await saved();
    },
  });
  return (
    <Form
      onSubmit={() => write.mutate()}
      busy={write.isPending}
      error={write.error}
      errorTitle={t("status.notSaved")}
      submit={t("status.write")}
      disabled={body.trim() === ""}
    >
      <TextAreaField label={t("status.nextBody")} rows={3} value={body} onChange={setBody} maxLength={5000} />
      <SelectField
        label={t("status.state")}
        hint={t("status.stateHint")}
        value={status}
        onChange={setStatus}
        options={statuses.map((value) => ({ value, label: t(`status.statuses.${value}`) }))}
      />
    </Form>
  );
}

function UpdateItem({ incident, update }: { incident: Incident; update: Incident["updates"][number] }) {
  const { t } = useTranslation();
  const saved = useSaved();
  const [text, setText] = useState<string | null>(null);
  const rewrite = useMutation({
    mutationFn: (body: string) => rewriteUpdate(incident.id, update.id, body),
    onSuccess: async () => {
      setText(null);
      await saved();
    },
  });
  return (
    <li className="grid gap-1.5 border-t pt-3 text-sm">
      <p className="flex flex-wrap items-center gap-x-3">
        <strong className="font-medium">{t(`status.statuses.${update.status}`)}</strong>
        <span className="text-muted-foreground">{formatTime(update.created_at)}</span>
        {text === null && (
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={t("status.rewrite")}
            onClick={() => setText(update.body)}
          >
            <PencilLine />
          </Button>
        )}
      </p>
      {text === null ? (
        <p className="[overflow-wrap:anywhere] whitespace-pre-line">{update.body}</p>
      ) : (
        <Form
          onSubmit={() => rewrite.mutate(text)}
          busy={rewrite.isPending}
          error={rewrite.error}
          errorTitle={t("status.notSaved")}
          submit={t("console.form.save")}
          disabled={text.trim() === ""}
        >
          <TextAreaField label={t("status.body")} rows={3} value={text} onChange={setText} maxLength={5000} />
        </Form>
      )}
    </li>
  );
}

function Edit({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const { t } = useTranslation();
  const saved = useSaved();
  const [name, setName] = useState(incident.name);
  const [impact, setImpact] = useState(incident.impact);
  const [components, setComponents] = useState(incident.components);
  const edit = useMutation({
    mutationFn: () => editIncident(incident.id, { name, impact, components }),
    onSuccess: async () => {
      await saved();
      onDone();
    },
  });
  return (
    <Form
      onSubmit={() => edit.mutate()}
      busy={edit.isPending}
      error={edit.error}
      errorTitle={t("status.notSaved")}
      submit={t("console.form.save")}
      disabled={name.trim() === ""}
    >
      <TextField label={t("status.name")} value={name} onChange={setName} maxLength={200} />
      <SelectField
        label={t("status.impact")}
        value={impact}
        onChange={setImpact}
        options={impacts.map((value) => ({ value, label: t(`status.impacts.${value}`) }))}
      />
      <ComponentsField value={components} onChange={setComponents} />
    </Form>
  );
}

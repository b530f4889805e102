import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Form, SelectField, TextAreaField, TextField } from "@/components/console/fields";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { createIncident, impacts, statuses, statusKey } from "./api";
import { ComponentsField } from "./ComponentsField";

/** Opens an incident by hand. The page shows it at once. */
export function NewIncidentForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [body, setBody] = useState("");
  const [impact, setImpact] = useState<(typeof impacts)[number]>("minor");
  const [status, setStatus] = useState<(typeof statuses)[number]>("investigating");
  const [components, setComponents] = useState<string[]>([]);
  const create = useMutation({
    mutationFn: () => createIncident({ name, body, impact, status, components }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: statusKey });
      onDone();
    },
  });
  return (
    <DialogContent className="max-w-lg">
      <DialogTitle>{t("status.openTitle")}</DialogTitle>
      <Form
        onSubmit={() => create.mutate()}
        busy={create.isPending}
        error={create.error}
        errorTitle={t("status.notSaved")}
        submit={t("status.open")}
        disabled={name.trim() === "" || body.trim() === ""}
        cancel
      >
        <TextField
          label={t("status.name")}
          hint={t("status.nameHint")}
          value={name}
          onChange={setName}
          maxLength={200}
        />
        <TextAreaField
          label={t("status.body")}
          hint={t("status.bodyHint")}
          value={body}
          onChange={setBody}
          maxLength={5000}
        />
        <div className="grid gap-4 *:min-w-0 sm:grid-cols-2">
          <SelectField
            label={t("status.impact")}
            value={impact}
            onChange={setImpact}
            options={impacts.map((value) => ({ value, label: t(`status.impacts.${value}`) }))}
          />
          <SelectField
            label={t("status.state")}
            value={status}
            onChange={setStatus}
            options={statuses.map((value) => ({ value, label: t(`status.statuses.${value}`) }))}
          />
        </div>
        <ComponentsField value={components} onChange={setComponents} />
      </Form>
    </DialogContent>
  );
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CheckField, Form } from "@/components/console/fields";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { formatBytes } from "@/lib/format";
import { catalogueKey, type ManagedModel, remove } from "./api";

/** Asks before a model is taken out, and whether its files go too. */
export function RemoveDialog({ model, onClose }: { model: ManagedModel | null; onClose: () => void }) {
  return (
    <Dialog open={model !== null} onOpenChange={(open) => !open && onClose()}>
      {model && <Body model={model} onClose={onClose} />}
    </Dialog>
  );
}

function Body({ model, onClose }: { model: ManagedModel; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [files, setFiles] = useState(false);
  const run = useMutation({
    mutationFn: () => remove(model.name, files),
    onSuccess: async (gone) => {
      await client.invalidateQueries({ queryKey: catalogueKey });
      const kept = gone.files.filter((file) => file.kept !== undefined);
      toast(
        kept.length > 0
          ? t("catalogue.removedKept", { name: model.name, why: kept[0]?.kept ?? "" })
          : gone.freed_bytes > 0
            ? t("catalogue.removedFreed", { name: model.name, size: formatBytes(gone.freed_bytes) })
            : t("catalogue.removed", { name: model.name }),
      );
      onClose();
    },
  });
  return (
    <DialogContent className="max-w-md">
      <DialogTitle>{t("catalogue.removeTitle", { name: model.name })}</DialogTitle>
      <Form
        onSubmit={() => run.mutate()}
        busy={run.isPending}
        error={run.error}
        errorTitle={t("catalogue.notRemoved")}
        submit={t("catalogue.remove")}
        cancel
      >
        <p className="text-muted-foreground">
          {t("catalogue.removeText")}
          {model.default_for.length > 0 && ` ${t("catalogue.removeDefault")}`}
        </p>
        <CheckField
          label={t("catalogue.removeFiles")}
          hint={t("catalogue.removeFilesHint")}
          checked={files}
          onChange={setFiles}
        />
      </Form>
    </DialogContent>
  );
}

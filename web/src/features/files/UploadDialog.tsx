import { useQueryClient } from "@tanstack/react-query";
import { Upload } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { DialogContent, DialogTitle } from "@/components/ui/dialog";
import { cn } from "@/lib/cn";
import { formatBytes } from "@/lib/format";
import { type UploadPurpose, uploadPurposes } from "./api";
import { addUploads } from "./uploads";

/** Asks what files are for, and takes them: by the browser's dialog, or dropped. `dropped` are those that were dropped on the page. */
export function UploadDialog({ dropped, onDone }: { dropped: readonly File[]; onDone: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<readonly File[]>(dropped);
  const [over, setOver] = useState(false);
  const [purpose, setPurpose] = useState<UploadPurpose>("assistants");
  return (
    <DialogContent className="max-w-lg">
      <DialogTitle>{t("files.uploadTitle")}</DialogTitle>
      <form
        className="grid gap-4 *:min-w-0"
        onSubmit={(event) => {
          event.preventDefault();
          if (chosen.length === 0) {
            input.current?.click();
            return;
          }
          addUploads(chosen, purpose, client);
          onDone();
        }}
      >
        <div
          data-slot="drop"
          className={cn(
            "grid justify-items-center gap-2 rounded-xl border border-dashed px-4 py-6 text-center text-sm",
            over && "border-primary bg-muted",
          )}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            event.stopPropagation();
            setOver(false);
            setChosen([...event.dataTransfer.files]);
          }}
        >
          <Upload className="size-6 text-muted-foreground" aria-hidden />
          {chosen.length === 0 ? (
            <p className="text-muted-foreground">{t("files.dropHint")}</p>
          ) : (
            <ul className="max-h-40 w-full overflow-y-auto text-left">
              {chosen.map((file, i) => (
                <li key={i} className="flex justify-between gap-3">
                  <span className="min-w-0 [overflow-wrap:anywhere]">{file.name}</span>
                  <span className="shrink-0 text-muted-foreground">{formatBytes(file.size)}</span>
                </li>
              ))}
            </ul>
          )}
          <Button variant="outline" size="sm" onClick={() => input.current?.click()}>
            {chosen.length === 0 ? t("files.choose") : t("files.chooseOthers")}
          </Button>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            aria-label={t("files.choose")}
            onChange={(event) => setChosen([...(event.target.files ?? [])])}
          />
        </div>
        <fieldset className="grid gap-1.5">
          <legend className="mb-1.5 text-sm font-medium">{t("files.purpose")}</legend>
          {uploadPurposes.map((value) => (
            <label
              key={value}
              className="grid cursor-pointer grid-cols-[auto_1fr] items-baseline gap-x-2.5 rounded-md px-2 py-1 text-sm hover:bg-muted"
            >
              <input
                type="radio"
                name="purpose"
                className="accent-primary"
                checked={purpose === value}
                onChange={() => setPurpose(value)}
              />
              <span>
                <span className="font-medium">{t(`files.purposes.${value}`)}</span>{" "}
                <code className="font-mono text-xs text-muted-foreground">{value}</code>
                <span className="block text-muted-foreground">{t(`files.purposeHints.${value}`)}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <div className="flex justify-end">
          <Button type="submit" disabled={chosen.length === 0}>
            {chosen.length === 0 ? t("files.upload") : t("files.uploadCount", { count: chosen.length })}
          </Button>
        </div>
      </form>
    </DialogContent>
  );
}

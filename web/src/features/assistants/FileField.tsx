import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Upload as UploadIcon, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/select";
import { filesQuery } from "@/features/files/api";
import { addUploads, dropUpload, type Upload, uploads } from "@/features/files/uploads";
import { formatPercent } from "@/lib/format";
import { useStore } from "@/lib/store";

/** Files of the project, chosen from those that are there or uploaded now, with what has been sent of each. */
export function FileField({
  label,
  max,
  value,
  onChange,
}: {
  label: string;
  max: number;
  value: readonly string[];
  onChange: (files: string[]) => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: files = [] } = useQuery(filesQuery);
  const all = useStore(uploads, (list) => list);
  const [mine, setMine] = useState<readonly number[]>([]);
  const input = useRef<HTMLInputElement>(null);
  const own = all.filter(({ id }) => mine.includes(id));

  useEffect(
    () =>
      uploads.subscribe(() => {
        const arrived = uploads.get().filter(({ id, state }) => state === "done" && mine.includes(id));
        if (arrived.length === 0) return;
        const fresh = arrived.flatMap(({ file }) => (file === null || value.includes(file) ? [] : [file]));
        setMine(mine.filter((id) => !arrived.some((upload) => upload.id === id)));
        onChange([...value, ...fresh].slice(0, max));
      }),
    [mine, value, max, onChange],
  );

  function send(list: FileList | null) {
    const chosen = [...(list ?? [])];
    if (chosen.length === 0) return;
    addUploads(chosen, "assistants", client);
    const ids = uploads
      .get()
      .slice(0, chosen.length)
      .map(({ id }) => id);
    setMine((old) => [...old, ...ids]);
  }

  const nameOf = (id: string) => files.find((file) => file.id === id)?.filename ?? id;
  const left = files.filter(
    ({ id, purpose }) => !value.includes(id) && (purpose === "assistants" || purpose === "user_data"),
  );
  return (
    <fieldset className="grid gap-2 text-sm" data-slot="file-field">
      <legend className="mb-1.5 font-medium">{label}</legend>
      {value.length > 0 && (
        <ul className="flex flex-wrap gap-1.5">
          {value.map((id) => (
            <li
              key={id}
              className="flex max-w-full items-center gap-1 rounded-md border bg-muted py-0.5 pr-0.5 pl-2"
            >
              <span className="truncate">{nameOf(id)}</span>
              <Button
                variant="ghost"
                size="icon-sm"
                aria-label={t("assistants.detach", { name: nameOf(id) })}
                onClick={() => onChange(value.filter((other) => other !== id))}
              >
                <X aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      )}
      {own
        .filter(({ state }) => state !== "done")
        .map((upload) => (
          <Progress key={upload.id} upload={upload} onDrop={() => dropUpload(upload.id, client)} />
        ))}
      {value.length < max && (
        <div className="flex flex-wrap gap-2">
          <Button variant="outline" size="sm" onClick={() => input.current?.click()}>
            <UploadIcon aria-hidden />
            {t("assistants.upload")}
          </Button>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            aria-label={label}
            onChange={(event) => {
              send(event.target.files);
              event.target.value = "";
            }}
          />
          {left.length > 0 && (
            <Select
              aria-label={t("assistants.attach")}
              className="max-w-full text-sm sm:max-w-64 [&>select]:h-8"
              value=""
              onChange={(event) => event.target.value !== "" && onChange([...value, event.target.value])}
            >
              <option value="">{t("assistants.attach")}</option>
              {left.map((file) => (
                <option key={file.id} value={file.id}>
                  {file.filename}
                </option>
              ))}
            </Select>
          )}
        </div>
      )}
    </fieldset>
  );
}

function Progress({ upload, onDrop }: { upload: Upload; onDrop: () => void }) {
  const { t } = useTranslation();
  const { name, state, sent, size, error } = upload;
  const share = size === 0 ? 1 : sent / size;
  return (
    <div className="grid grid-cols-[1fr_auto] items-center gap-x-2">
      <span className="min-w-0 [overflow-wrap:anywhere]">
        {name}{" "}
        <span className="text-muted-foreground">
          {state === "sending" ? formatPercent(Math.floor(share * 100) / 100) : t(`files.states.${state}`)}
        </span>
      </span>
      <Button
        variant="ghost"
        size="icon-sm"
        aria-label={state === "failed" ? t("files.dismiss", { name }) : t("files.cancel", { name })}
        onClick={onDrop}
      >
        <X aria-hidden />
      </Button>
      {state === "failed" ? (
        <p className="col-span-2 text-danger" role="alert">
          {error === "too_large" ? t("files.tooLarge") : (error ?? t("console.error.unreachable"))}
        </p>
      ) : (
        <progress
          className="col-span-2 h-1.5 w-full accent-primary"
          aria-label={t("files.progress", { name })}
          max={1}
          value={state === "waiting" ? 0 : share}
        />
      )}
    </div>
  );
}

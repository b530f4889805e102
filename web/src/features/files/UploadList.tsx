import { useQueryClient } from "@tanstack/react-query";
import { RotateCcw, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link } from "@tanstack/react-router";
import { Section } from "@/components/console/Page";
import { Button } from "@/components/ui/button";
import { formatBytes, formatPercent } from "@/lib/format";
import { useStore } from "@/lib/store";
import { clearDone, dropUpload, retryUpload, type Upload, uploads } from "./uploads";

/** The files on their way, with what has been sent of each. */
export function UploadList() {
  const { t } = useTranslation();
  const all = useStore(uploads, (list) => list);
  if (all.length === 0) return null;
  return (
    <Section
      title={t("files.uploads")}
      action={
        all.some(({ state }) => state === "done") && (
          <Button variant="ghost" size="sm" onClick={clearDone}>
            {t("files.clear")}
          </Button>
        )
      }
    >
      <ul className="divide-y rounded-xl border bg-card text-sm">
        {all.map((upload) => (
          <Row key={upload.id} upload={upload} />
        ))}
      </ul>
    </Section>
  );
}

function Row({ upload }: { upload: Upload }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { id, name, size, sent, state, error, file } = upload;
  const ended = state === "done" || state === "failed";
  const share = size === 0 ? 1 : sent / size;
  return (
    <li className="grid grid-cols-[1fr_auto] items-center gap-x-3 gap-y-1.5 px-4 py-2.5">
      <div className="flex min-w-0 flex-wrap items-baseline gap-x-3">
        <span className="min-w-0 font-medium [overflow-wrap:anywhere]">
          {file === null ? (
            name
          ) : (
            <Link className="hover:underline" to="/console/files/$fileId" params={{ fileId: file }}>
              {name}
            </Link>
          )}
        </span>
        <span className="text-muted-foreground" aria-live="polite">
          {state === "sending"
            ? t("files.sent", {
                sent: formatBytes(sent),
                size: formatBytes(size),
                share: formatPercent(Math.floor(share * 100) / 100),
              })
            : t(`files.states.${state}`)}
        </span>
      </div>
      <div className="flex">
        {state === "failed" && error !== "too_large" && (
          <Button
            variant="ghost"
            size="icon"
            aria-label={t("files.retry", { name })}
            onClick={() => retryUpload(id, client)}
          >
            <RotateCcw aria-hidden />
          </Button>
        )}
        <Button
          variant="ghost"
          size="icon"
          aria-label={ended ? t("files.dismiss", { name }) : t("files.cancel", { name })}
          onClick={() => dropUpload(id, client)}
        >
          <X aria-hidden />
        </Button>
      </div>
      {!ended && (
        <progress
          className="col-span-2 h-1.5 w-full overflow-hidden rounded-full [&::-moz-progress-bar]:bg-primary [&::-webkit-progress-bar]:bg-muted [&::-webkit-progress-value]:bg-primary"
          aria-label={t("files.progress", { name })}
          max={1}
          value={state === "waiting" ? 0 : share}
        />
      )}
      {state === "failed" && (
        <p className="col-span-2 [overflow-wrap:anywhere] text-danger" role="alert">
          {error === "too_large" ? t("files.tooLarge") : (error ?? t("console.error.unreachable"))}
        </p>
      )}
    </li>
  );
}

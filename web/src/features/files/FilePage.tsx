import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Download, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isNotFound } from "@/api/errors";
import { Confirm } from "@/components/console/Confirm";
import { Details, Page } from "@/components/console/Page";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { useMay } from "@/features/session/may";
import { formatBytes, formatNumber, formatTime } from "@/lib/format";
import { deleteFile, downloadFile, fileQuery, filesKey } from "./api";
import { FileStatus } from "./FilesPage";

/** One file: what is known of it, its content to save, and its end. */
export function FilePage() {
  const { t } = useTranslation();
  const { fileId = "" } = useParams({ strict: false });
  const query = useQuery(fileQuery(fileId));
  const client = useQueryClient();
  const navigate = useNavigate();
  const write = useMay("files.write");
  const [deleting, setDeleting] = useState(false);
  const save = useMutation({ mutationFn: downloadFile });
  const file = query.data;

  return (
    <Page
      title={file?.filename ?? (query.error ? t("files.missing") : "…")}
      back={{ to: "/console/files", label: t("files.title") }}
      action={
        file && (
          <>
            <Button variant="outline" disabled={save.isPending} onClick={() => save.mutate(file)}>
              <Download aria-hidden />
              {t("files.download")}
            </Button>
            {write && (
              <Button variant="outline" className="text-danger" onClick={() => setDeleting(true)}>
                <Trash2 aria-hidden />
                {t("files.delete")}
              </Button>
            )}
          </>
        )
      }
    >
      {query.error && (
        <ErrorBox
          error={query.error}
          title={isNotFound(query.error) ? t("files.missing") : undefined}
          onRetry={() => void query.refetch()}
        />
      )}
      <ErrorBox error={save.error} title={t("files.downloadFailed")} />
      {query.isPending && <SkeletonLines lines={5} />}
      {file && (
        <Details
          rows={[
            [t("files.id"), <code className="font-mono text-xs">{file.id}</code>],
            [
              t("files.purpose"),
              <>
                {t(`files.purposes.${file.purpose}`)}{" "}
                <code className="font-mono text-xs text-muted-foreground">{file.purpose}</code>
                <p className="text-muted-foreground">{t(`files.purposeHints.${file.purpose}`)}</p>
              </>,
            ],
            [
              t("files.size"),
              file.bytes < 1000
                ? formatBytes(file.bytes)
                : t("files.sizeExact", { size: formatBytes(file.bytes), bytes: formatNumber(file.bytes) }),
            ],
            [
              t("files.status"),
              <>
                <FileStatus status={file.status} />
                {file.status_details !== undefined && <p className="text-danger">{file.status_details}</p>}
              </>,
            ],
            [t("files.created"), formatTime(file.created_at)],
            [
              t("files.expires"),
              file.expires_at === undefined ? t("console.time.never") : formatTime(file.expires_at),
            ],
          ]}
        />
      )}
      <Confirm
        open={deleting}
        onOpenChange={setDeleting}
        title={t("files.deleteTitle")}
        text={t("files.deleteText", { name: file?.filename ?? "" })}
        confirm={t("files.delete")}
        onConfirm={async () => {
          await deleteFile(fileId);
          client.removeQueries({ queryKey: fileQuery(fileId).queryKey });
          await client.invalidateQueries({ queryKey: filesKey });
          toast(t("files.deleted"));
          await navigate({ to: "/console/files" });
        }}
      />
    </Page>
  );
}

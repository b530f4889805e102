import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, FileText, Trash2, Upload } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { File as StoredFile } from "@/api/types";
import { Badge, Status } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatAgo, formatBytes, formatDate, formatTime } from "@/lib/format";
import { deleteFile, downloadFile, filesKey, filesQuery, purposes, storageQuery } from "./api";
import { UploadDialog } from "./UploadDialog";
import { UploadList } from "./UploadList";

/** The project's files. Files that are dropped anywhere on it are asked about. */
export function FilesPage() {
  const { t } = useTranslation();
  const query = useQuery(filesQuery);
  const { data: storage } = useQuery(storageQuery);
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const write = useMay("files.write");
  const dialog = useDialogParam("upload");
  const [dropped, setDropped] = useState<readonly File[]>([]);
  const [deleting, setDeleting] = useState<StoredFile | null>(null);
  const errorText = useErrorText();
  const columns = useColumns();

  const upload = (
    <Button
      onClick={() => {
        setDropped([]);
        dialog.show();
      }}
    >
      <Upload aria-hidden />
      {t("files.upload")}
    </Button>
  );
  return (
    <div
      className="min-h-full"
      {...(write && {
        onDragOver: (event) => event.preventDefault(),
        onDrop: (event) => {
          event.preventDefault();
          if (event.dataTransfer.files.length === 0) return;
          setDropped([...event.dataTransfer.files]);
          dialog.show();
        },
      })}
    >
      <Page
        title={t("files.title")}
        lead={
          <>
            {t("files.lead", { project: session?.project.name ?? "" })}
            {storage && (
              <>
                {" "}
                {storage.max_bytes === null
                  ? t("files.stored", { bytes: formatBytes(storage.bytes) })
                  : t("files.storedOf", {
                      bytes: formatBytes(storage.bytes),
                      max: formatBytes(storage.max_bytes),
                    })}
              </>
            )}
          </>
        }
        action={write && upload}
      >
        <UploadList />
        <DataTable
          label={t("files.title")}
          columns={columns}
          rows={query.data}
          error={query.error}
          onRetry={() => void query.refetch()}
          rowKey={(file) => file.id}
          rowName={(file) => file.filename}
          rowLink={(file) => `/console/files/${file.id}`}
          sort="-created"
          search
          filters={[
            {
              id: "purpose",
              label: t("files.purpose"),
              options: purposes.map((value) => ({ value, label: t(`files.purposes.${value}`) })),
              matches: (file, value) => file.purpose === value,
            },
          ]}
          actions={(file) => (
            <>
              <MenuItem
                onSelect={() => void downloadFile(file).catch((error: unknown) => toast(errorText(error)))}
              >
                <Download aria-hidden />
                {t("files.download")}
              </MenuItem>
              {write && (
                <MenuItem danger onSelect={() => setDeleting(file)}>
                  <Trash2 aria-hidden />
                  {t("files.delete")}
                </MenuItem>
              )}
            </>
          )}
          empty={
            <Empty
              icon={FileText}
              title={t("files.empty")}
              text={t("files.emptyHint")}
              action={write && upload}
            />
          }
        />
        <Dialog open={dialog.open && write} onOpenChange={(open) => !open && dialog.close()}>
          {dialog.open && <UploadDialog dropped={dropped} onDone={dialog.close} />}
        </Dialog>
        <Confirm
          open={deleting !== null}
          onOpenChange={(open) => !open && setDeleting(null)}
          title={t("files.deleteTitle")}
          text={t("files.deleteText", { name: deleting?.filename ?? "" })}
          confirm={t("files.delete")}
          onConfirm={async () => {
            if (!deleting) return;
            await deleteFile(deleting.id);
            await client.invalidateQueries({ queryKey: filesKey });
            toast(t("files.deleted"));
          }}
        />
      </Page>
    </div>
  );
}

function useColumns(): Column<StoredFile>[] {
  const { t } = useTranslation();
  return [
    {
      id: "name",
      header: t("files.name"),
      cell: (file) => file.filename,
      value: (file) => file.filename,
      text: (file) => `${file.filename} ${file.id}`,
    },
    {
      id: "purpose",
      header: t("files.purpose"),
      cell: (file) => <Badge>{t(`files.purposes.${file.purpose}`)}</Badge>,
      value: (file) => t(`files.purposes.${file.purpose}`),
    },
    {
      id: "size",
      header: t("files.size"),
      align: "end",
      nowrap: true,
      cell: (file) => formatBytes(file.bytes),
      value: (file) => file.bytes,
      text: () => "",
    },
    {
      id: "status",
      header: t("files.status"),
      cell: (file) => <FileStatus status={file.status} />,
      value: (file) => file.status,
      wideOnly: true,
    },
    {
      id: "created",
      header: t("files.created"),
      nowrap: true,
      cell: (file) => <span title={formatTime(file.created_at)}>{formatAgo(file.created_at)}</span>,
      value: (file) => file.created_at,
      text: () => "",
    },
    {
      id: "expires",
      header: t("files.expires"),
      nowrap: true,
      cell: (file) =>
        file.expires_at === undefined ? (
          t("console.time.never")
        ) : (
          <span title={formatTime(file.expires_at)}>{formatDate(file.expires_at)}</span>
        ),
      value: (file) => file.expires_at ?? null,
      text: () => "",
      wideOnly: true,
    },
  ];
}

export function FileStatus({ status }: { status: StoredFile["status"] }) {
  const { t } = useTranslation();
  return (
    <Status tone={status === "error" ? "danger" : status === "processed" ? "good" : "neutral"}>
      {t(`files.statuses.${status}`)}
    </Status>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { MessagesSquare, Trash2, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isNotFound } from "@/api/errors";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { TextField } from "@/components/console/fields";
import { Page } from "@/components/console/Page";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatAgo, formatTime } from "@/lib/format";
import { useStore } from "@/lib/store";
import { nameOf } from "./AssistantsPage";
import { assistantsQuery, deleteThread } from "./api";
import { forget, known, type Known } from "./threads";

/** The threads that were used in this browser. Others are opened by their id. */
export function ThreadsPage() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const write = useMay("assistants.write");
  const navigate = useNavigate();
  const all = useStore(known, (list) => list);
  const rows = session && all.filter(({ project }) => project === session.project.id);
  const [deleting, setDeleting] = useState<Known | null>(null);
  const [id, setId] = useState("");
  const columns = useColumns();
  return (
    <Page title={t("assistants.threads.title")} lead={t("assistants.threads.lead")}>
      <form
        className="flex max-w-xl flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (id.trim() !== "")
            void navigate({ to: "/console/threads/$threadId", params: { threadId: id.trim() } });
        }}
      >
        <TextField
          className="grow"
          label={t("assistants.threads.byId")}
          placeholder="thread_…"
          autoComplete="off"
          value={id}
          onChange={setId}
        />
        <Button type="submit" variant="outline" className="h-10">
          {t("assistants.threads.open")}
        </Button>
      </form>
      <DataTable
        label={t("assistants.threads.title")}
        columns={columns}
        rows={rows}
        rowKey={(thread) => thread.id}
        rowName={titleOf}
        rowLink={(thread) => `/console/threads/${thread.id}`}
        sort="-at"
        search
        actions={(thread) => (
          <>
            <MenuItem onSelect={() => forget(thread.id)}>
              <X aria-hidden />
              {t("assistants.threads.forget")}
            </MenuItem>
            {write && (
              <MenuItem danger onSelect={() => setDeleting(thread)}>
                <Trash2 aria-hidden />
                {t("assistants.threads.delete")}
              </MenuItem>
            )}
          </>
        )}
        empty={
          <Empty
            icon={MessagesSquare}
            title={t("assistants.threads.empty")}
            text={t("assistants.threads.emptyHint")}
          />
        }
      />
      <Confirm
        open={deleting !== null}
        onOpenChange={(open) => !open && setDeleting(null)}
        title={t("assistants.threads.deleteTitle")}
        text={t("assistants.threads.deleteText", { name: deleting ? titleOf(deleting) : "" })}
        confirm={t("assistants.threads.delete")}
        onConfirm={async () => {
          if (!deleting) return;
          await deleteThread(deleting.id).catch((error: unknown) => {
            // What is gone already only has to leave the list.
            if (!isNotFound(error)) throw error;
          });
          forget(deleting.id);
          toast(t("assistants.threads.deleted"));
        }}
      />
    </Page>
  );
}

function titleOf({ title, id }: Known): string {
  return title === "" ? id : title;
}

function useColumns(): Column<Known>[] {
  const { t } = useTranslation();
  const { data: assistants = [] } = useQuery(assistantsQuery);
  const assistantOf = ({ assistant }: Known) => {
    const one = assistants.find(({ id }) => id === assistant);
    return one ? nameOf(one) : (assistant ?? "");
  };
  return [
    {
      id: "title",
      header: t("assistants.threads.begins"),
      cell: titleOf,
      value: titleOf,
      text: (thread) => `${thread.title} ${thread.id}`,
    },
    { id: "assistant", header: t("assistants.threads.assistant"), cell: assistantOf, value: assistantOf },
    {
      id: "at",
      header: t("assistants.threads.used"),
      nowrap: true,
      cell: ({ at }) => <span title={formatTime(at)}>{formatAgo(at)}</span>,
      value: ({ at }) => at,
      text: () => "",
    },
  ];
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Bot, Pencil, Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Page } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatAgo, formatTime } from "@/lib/format";
import { AssistantForm } from "./AssistantForm";
import { assistantsKey, assistantsQuery, deleteAssistant } from "./api";
import type { Assistant, Tool } from "./types";

/** The project's assistants. */
export function AssistantsPage() {
  const { t } = useTranslation();
  const query = useQuery(assistantsQuery);
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const navigate = useNavigate();
  const write = useMay("assistants.write");
  const create = useDialogParam("create");
  const edit = useDialogParam("edit");
  const remove = useDialogParam("delete");
  const columns = useColumns();
  const subject = (id: string | undefined) => query.data?.find((one) => one.id === id);
  const edited = subject(edit.subject);
  const removed = subject(remove.subject);

  const button = (
    <Button onClick={() => create.show()}>
      <Plus aria-hidden />
      {t("assistants.create")}
    </Button>
  );
  return (
    <Page
      title={t("assistants.title")}
      lead={t("assistants.lead", { project: session?.project.name ?? "" })}
      action={write && button}
    >
      <DataTable
        label={t("assistants.title")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={({ id }) => id}
        rowName={nameOf}
        rowLink={({ id }) => `/console/assistants/${id}`}
        sort="-created"
        search
        actions={(assistant) =>
          write && (
            <>
              <MenuItem onSelect={() => edit.show(assistant.id)}>
                <Pencil aria-hidden />
                {t("assistants.edit")}
              </MenuItem>
              <MenuItem danger onSelect={() => remove.show(assistant.id)}>
                <Trash2 aria-hidden />
                {t("assistants.delete")}
              </MenuItem>
            </>
          )
        }
        empty={
          <Empty
            icon={Bot}
            title={t("assistants.empty")}
            text={t("assistants.emptyHint")}
            action={write && button}
          />
        }
      />
      <Dialog
        open={write && (create.open || (edit.open && edited !== undefined))}
        onOpenChange={(open) => !open && create.close()}
      >
        {create.open && (
          <AssistantForm
            assistant={null}
            onDone={({ id }) =>
              void navigate({
                to: "/console/assistants/$assistantId",
                params: { assistantId: id },
                replace: true,
              })
            }
          />
        )}
        {edit.open && edited && <AssistantForm assistant={edited} onDone={edit.close} />}
      </Dialog>
      <Confirm
        open={write && removed !== undefined}
        onOpenChange={(open) => !open && remove.close()}
        title={t("assistants.deleteTitle")}
        text={t("assistants.deleteText", { name: removed ? nameOf(removed) : "" })}
        confirm={t("assistants.delete")}
        onConfirm={async () => {
          if (!removed) return;
          await deleteAssistant(removed.id);
          await client.invalidateQueries({ queryKey: assistantsKey });
          toast(t("assistants.deleted"));
        }}
      />
    </Page>
  );
}

/** An assistant's name, or its id where it has none. */
export function nameOf({ name, id }: Assistant): string {
  return name === null || name === "" ? id : name;
}

export function ToolBadges({ tools }: { tools: readonly Tool[] }) {
  const { t } = useTranslation();
  return (
    <span className="flex flex-wrap gap-1">
      {tools.map((tool, i) => (
        <Badge key={i}>
          {tool.type === "function" ? `${tool.function?.name ?? ""}()` : t(`assistants.kinds.${tool.type}`)}
        </Badge>
      ))}
    </span>
  );
}

function useColumns(): Column<Assistant>[] {
  const { t } = useTranslation();
  return [
    {
      id: "name",
      header: t("assistants.name"),
      cell: nameOf,
      value: nameOf,
      text: (one) => `${nameOf(one)} ${one.id} ${one.description ?? ""}`,
    },
    { id: "model", header: t("assistants.model"), cell: ({ model }) => model, value: ({ model }) => model },
    {
      id: "tools",
      header: t("assistants.tools"),
      cell: ({ tools }) => <ToolBadges tools={tools} />,
      text: ({ tools }) => tools.map((tool) => tool.function?.name ?? tool.type).join(" "),
    },
    {
      id: "created",
      header: t("assistants.created"),
      nowrap: true,
      cell: (one) => <span title={formatTime(one.created_at)}>{formatAgo(one.created_at)}</span>,
      value: (one) => one.created_at,
      text: () => "",
    },
  ];
}

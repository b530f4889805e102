import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Download, ScrollText } from "lucide-react";
import { useTranslation } from "react-i18next";
import { download } from "@/api/client";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Details, Page } from "@/components/console/Page";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { Empty, useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { usersQuery } from "@/features/members/api";
import { projectsQuery } from "@/features/projects/api";
import { useMay } from "@/features/session/may";
import { formatTime } from "@/lib/format";
import { type AuditQuery, auditQuery, exportPath, type Line } from "./api";
import { changes } from "./diff";
import { nameIn } from "./names";
import { isType, types } from "./types";

const spans = { day: 1, week: 7, month: 30, quarter: 90 } as const;
type Span = keyof typeof spans;

/** Who did what, from where, and how it was before and after. */
export function AuditPage() {
  const { t, i18n } = useTranslation();
  const textOf = useErrorText();
  const [params] = useParamsState();
  const detail = useDialogParam("line");
  const knowsUsers = useMay("organization.read");
  const { data: users = [] } = useQuery({ ...usersQuery, enabled: knowsUsers });
  const query = toQuery(params);
  const lines = useInfiniteQuery(auditQuery(query));
  const rows = lines.data?.pages.flatMap((page) => page.data);
  const { data: projects = [] } = useQuery({ ...projectsQuery, enabled: knowsUsers });
  const known = [...users, ...projects];
  const nameOf = (line: Line) => users.find((user) => user.id === line.user)?.name;
  const objectName = (line: Line) =>
    known.find((one) => one.id === line.object)?.name ?? nameIn(line.after) ?? nameIn(line.before);
  const wordsOf = useWords();
  const chosen = rows?.find((line) => line.id === detail.subject);

  const columns: Column<Line>[] = [
    {
      id: "type",
      header: t("audit.what"),
      nowrap: true,
      cell: (line) => (
        <button
          type="button"
          className="rounded text-left outline-none after:absolute after:inset-0 focus-visible:after:ring-2 focus-visible:after:ring-ring focus-visible:after:ring-inset md:whitespace-nowrap"
          onClick={() => detail.show(line.id)}
        >
          {wordsOf(line.type)}
        </button>
      ),
    },
    {
      id: "actor",
      header: t("audit.who"),
      // A long name does not take the room of the columns beside it.
      cell: (line) => (
        <span className="block md:max-w-60">{nameOf(line) ?? actorOf(line) ?? t("audit.machine")}</span>
      ),
    },
    {
      id: "object",
      header: t("audit.object"),
      cell: (line) => <ObjectCell id={line.object} name={objectName(line)} />,
    },
    {
      id: "from",
      header: t("audit.from"),
      cell: (line) => line.ip_address ?? "–",
      nowrap: true,
      wideOnly: true,
    },
    {
      id: "at",
      header: t("audit.when"),
      cell: (line) => formatTime(Date.parse(line.at) / 1000),
      nowrap: true,
    },
  ];

  const save = (format: "csv" | "jsonl") =>
    download(exportPath(query, format), `audit.${format}`).catch((error: unknown) =>
      toast(textOf(error), "danger"),
    );

  return (
    <Page
      title={t("audit.title")}
      lead={t("audit.lead")}
      action={
        <Menu>
          <MenuTrigger asChild>
            <Button variant="outline">
              <Download aria-hidden />
              {t("audit.export")}
            </Button>
          </MenuTrigger>
          <MenuContent align="end">
            <MenuItem onSelect={() => void save("jsonl")}>{t("audit.asLines")}</MenuItem>
            <MenuItem onSelect={() => void save("csv")}>{t("audit.asTable")}</MenuItem>
          </MenuContent>
        </Menu>
      }
    >
      <DataTable
        label={t("audit.title")}
        columns={columns}
        rows={rows}
        error={lines.error}
        onRetry={() => void lines.refetch()}
        rowKey={(line) => line.id}
        search="server"
        filters={[
          {
            id: "type",
            label: t("audit.what"),
            options: types
              .map((value) => ({ value, label: wordsOf(value) }))
              .sort((a, b) => a.label.localeCompare(b.label, i18n.language)),
          },
          {
            id: "actor",
            label: t("audit.who"),
            options: users.map((user) => ({ value: user.id, label: user.name })),
          },
          {
            id: "span",
            label: t("audit.when"),
            options: (Object.keys(spans) as Span[]).map((value) => ({
              value,
              label: t(`audit.spans.${value}`),
            })),
          },
        ]}
        more={{
          has: lines.hasNextPage,
          loading: lines.isFetchingNextPage,
          load: () => void lines.fetchNextPage(),
        }}
        empty={<Empty icon={ScrollText} title={t("audit.empty")} />}
      />
      <Dialog open={chosen !== undefined} onOpenChange={(open) => !open && detail.close()}>
        {chosen && <LineDetails line={chosen} name={nameOf(chosen)} object={objectName(chosen)} />}
      </Dialog>
    </Page>
  );
}

/** What the address says, as the server is asked. A span begins at a full hour, so that its pages stay in memory. */
function toQuery(params: Readonly<Record<string, string | undefined>>): AuditQuery {
  const days = params.span !== undefined && params.span in spans ? spans[params.span as Span] : null;
  const hour = Math.floor(Date.now() / 3_600_000) * 3600;
  return {
    ...(params.q !== undefined && { q: params.q }),
    ...(params.type !== undefined && { "event_types[]": [params.type] }),
    ...(params.actor !== undefined && { "actor_ids[]": [params.actor] }),
    ...(days !== null && { "effective_at[gte]": hour - days * 86_400 }),
  };
}

function actorOf(line: Line): string | undefined {
  return line.email ?? line.user ?? line.service_account ?? line.api_key;
}

/** What a type of line is called; of one that is newer than this page, its own name. */
function useWords(): (type: string) => string {
  const { t } = useTranslation();
  return (type) => (isType(type) ? t(`acts.${type}`) : type);
}

/** What something is called, with its id below. */
function ObjectCell({ id, name }: { id: string | undefined; name: string | undefined }) {
  if (id === undefined || id === "") return "–";
  if (name === undefined || name === id) return <code className="font-mono text-xs">{id}</code>;
  return (
    <span className="grid md:max-w-72">
      <span>{name}</span>
      <code className="font-mono text-xs text-muted-foreground">{id}</code>
    </span>
  );
}

function LineDetails({
  line,
  name,
  object,
}: {
  line: Line;
  name: string | undefined;
  object: string | undefined;
}) {
  const { t } = useTranslation();
  const wordsOf = useWords();
  const rows: [string, string | undefined][] = [
    [t("audit.when"), formatTime(Date.parse(line.at) / 1000)],
    [t("audit.who"), name ?? actorOf(line) ?? t("audit.machine")],
    [t("audit.user"), line.user],
    [t("audit.account"), line.service_account],
    [t("audit.key"), line.api_key],
    [t("audit.session"), line.session],
    [t("audit.object"), object],
    [t("audit.objectId"), line.object],
    [t("audit.project"), line.project],
    [t("audit.from"), line.ip_address],
    [t("audit.forwarded"), line.forwarded_for],
    [t("audit.agent"), line.user_agent],
    [t("audit.request"), line.request_id],
    [t("audit.type"), line.type],
    [t("audit.id"), line.id],
  ];
  const changed = changes(line.before, line.after);
  return (
    <DialogContent className="max-w-2xl">
      <DialogTitle>{wordsOf(line.type)}</DialogTitle>
      {changed.length > 0 && (
        <div className="relative overflow-x-auto rounded-xl border bg-card" tabIndex={0}>
          <table className="w-full text-left text-sm" aria-label={t("audit.changes")}>
            <thead className="border-b text-muted-foreground">
              <tr>
                <th scope="col" className="px-3 py-2 font-medium">
                  {t("audit.member")}
                </th>
                <th scope="col" className="px-3 py-2 font-medium">
                  {t("audit.before")}
                </th>
                <th scope="col" className="px-3 py-2 font-medium">
                  {t("audit.after")}
                </th>
              </tr>
            </thead>
            <tbody className="divide-y">
              {changed.map((change) => (
                <tr
                  key={change.name}
                  className={change.before === change.after ? "text-muted-foreground" : ""}
                >
                  <th scope="row" className="px-3 py-2 align-top font-normal">
                    {change.name}
                  </th>
                  <td className="px-3 py-2 align-top font-mono text-xs [overflow-wrap:anywhere]">
                    {change.before ?? "–"}
                  </td>
                  <td className="px-3 py-2 align-top font-mono text-xs [overflow-wrap:anywhere]">
                    {change.after ?? "–"}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Details rows={rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "")} />
    </DialogContent>
  );
}

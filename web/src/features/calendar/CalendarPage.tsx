import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CalendarClock, PencilLine, Plus, RotateCcw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Card, Page, Section } from "@/components/console/Page";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { Empty, useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { Select } from "@/components/ui/select";
import { toast } from "@/components/ui/toaster";
import { useMay } from "@/features/session/may";
import { modelsQuery } from "@/features/models/api";
import { formatDay, formatMoney, formatNumber } from "@/lib/format";
import { calendarKey, calendarQuery, type Entry, resetEntry, type Scope } from "./api";
import { EntryForm } from "./EntryForm";
import { changesAfter, isDay } from "./next";

const tones = { current: "good", deprecated: "warning", shut_down: "neutral", failing: "danger" } as const;
const states = ["current", "deprecated", "shut_down", "failing"] as const;

/** The names that programs ask for: what they stand for, when they end, and what they cost. */
export function CalendarPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const textOf = useErrorText();
  const [params, change] = useParamsState();
  const operator = useMay("operator");
  const scope: Scope = operator && params.for === "installation" ? "installation" : "organization";
  const write = useMay("models.write") || scope === "installation";
  const query = useQuery(calendarQuery(scope));
  const edit = useDialogParam("edit");
  const columns = useColumns();
  const reset = useMutation({
    mutationFn: (name: string) => resetEntry(scope, name),
    onSuccess: async (_, name) => {
      await client.invalidateQueries({ queryKey: calendarKey });
      await client.invalidateQueries({ queryKey: modelsQuery.queryKey });
      toast(t("calendar.wasReset", { name }));
    },
    onError: (error) => toast(textOf(error), "danger"),
  });
  return (
    <Page
      title={t("calendar.title")}
      lead={t("calendar.lead")}
      action={
        write && (
          <Button onClick={() => edit.show("")}>
            <Plus aria-hidden />
            {t("calendar.add")}
          </Button>
        )
      }
    >
      <Next entries={query.data} />
      <DataTable
        label={t("calendar.title")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(entry) => entry.name ?? ""}
        rowName={(entry) => entry.name ?? ""}
        search
        filters={[
          {
            id: "state",
            label: t("calendar.state"),
            options: states.map((value) => ({ value, label: t(`calendar.states.${value}`) })),
            matches: (entry, value) => entry.today.state === value,
          },
          {
            id: "changed",
            label: t("calendar.changed"),
            options: (["organization", "installation"] as const).map((value) => ({
              value,
              label: t(`calendar.layers.${value}`),
            })),
            matches: (entry, value) => entry.layer === value,
          },
        ]}
        toolbar={
          operator && (
            <Select
              aria-label={t("calendar.for")}
              className="max-w-full text-sm [&>select]:h-9"
              value={scope}
              onChange={(event) =>
                change({ for: event.target.value === "installation" ? "installation" : undefined })
              }
            >
              <option value="organization">{t("calendar.forOrganization")}</option>
              <option value="installation">{t("calendar.forAll")}</option>
            </Select>
          )
        }
        {...(write && {
          actions: (entry: Entry) => (
            <>
              <MenuItem onSelect={() => edit.show(entry.name)}>
                <PencilLine aria-hidden />
                {t("calendar.edit")}
              </MenuItem>
              <MenuItem disabled={entry.layer !== scope} onSelect={() => reset.mutate(entry.name ?? "")}>
                <RotateCcw aria-hidden />
                {t("calendar.reset")}
              </MenuItem>
            </>
          ),
        })}
        empty={<Empty icon={CalendarClock} title={t("calendar.empty")} />}
      />
      <Dialog
        open={edit.open && write && query.data !== undefined}
        onOpenChange={(open) => !open && edit.close()}
      >
        {edit.open && query.data && (
          <EntryForm
            key={edit.subject}
            scope={scope}
            entries={query.data}
            name={edit.subject ?? ""}
            onDone={edit.close}
          />
        )}
      </Dialog>
    </Page>
  );
}

/** What the calendar says will happen. */
function Next({ entries }: { entries: Entry[] | undefined }) {
  const { t } = useTranslation();
  const next = changesAfter(entries ?? [], new Date().toISOString().slice(0, 10)).slice(0, 8);
  return (
    <Section title={t("calendar.next")}>
      <Card className="text-sm">
        {next.length === 0 ? (
          <p className="min-h-5 text-muted-foreground">{entries && t("calendar.nothingNext")}</p>
        ) : (
          <ol className="grid gap-2">
            {next.map((change) => (
              <li
                key={`${change.day} ${change.name} ${change.what}`}
                className="flex flex-wrap gap-x-4 gap-y-0.5"
              >
                <time dateTime={change.day} className="w-28 text-muted-foreground tabular-nums">
                  {formatDay(change.day)}
                </time>
                <span className="min-w-0 [overflow-wrap:anywhere]">
                  {t(
                    `calendar.changes.${change.what === "shutdown" && change.fails ? "fails" : change.what}`,
                    {
                      name: change.name,
                      to: change.to ?? "–",
                    },
                  )}
                </span>
              </li>
            ))}
          </ol>
        )}
      </Card>
    </Section>
  );
}

function useColumns(): Column<Entry>[] {
  const { t } = useTranslation();
  const price = (value: number | undefined) => (value === undefined ? "–" : formatMoney(value));
  return [
    {
      id: "name",
      header: t("calendar.name"),
      cell: (entry) => (
        <span className="grid gap-1">
          <span className="[overflow-wrap:anywhere]">{entry.name}</span>
          <span className="flex flex-wrap gap-1">
            {entry.kind !== undefined && <Badge>{t(`calendar.kinds.${entry.kind}`)}</Badge>}
            {entry.layer !== "built_in" && <Badge tone="good">{t(`calendar.layers.${entry.layer}`)}</Badge>}
          </span>
        </span>
      ),
      value: (entry) => entry.name,
    },
    {
      id: "state",
      header: t("calendar.state"),
      cell: (entry) => (
        <Status tone={tones[entry.today.state]}>{t(`calendar.states.${entry.today.state}`)}</Status>
      ),
      value: (entry) => states.indexOf(entry.today.state),
      text: (entry) => entry.today.state,
    },
    {
      id: "served",
      header: t("calendar.standsFor"),
      cell: (entry) => (
        <span className="grid gap-0.5">
          {entry.today.snapshot !== undefined && (
            <span className="[overflow-wrap:anywhere]">{entry.today.snapshot}</span>
          )}
          <span className="text-xs [overflow-wrap:anywhere] text-muted-foreground">
            {entry.today.served_by === undefined
              ? t("calendar.nobody")
              : t("calendar.servedBy", { model: entry.today.served_by })}
          </span>
        </span>
      ),
      value: (entry) => entry.today.snapshot ?? entry.name,
      text: (entry) => `${entry.today.snapshot ?? ""} ${entry.today.served_by ?? ""}`,
    },
    {
      id: "window",
      header: t("calendar.window"),
      align: "end",
      cell: (entry) => (
        <span className="grid justify-items-end gap-0.5 max-md:justify-items-start">
          {entry.today.context_window === undefined ? "–" : formatNumber(entry.today.context_window)}
          <span className="text-xs text-muted-foreground">
            {entry.today.encoding ?? t("calendar.native")}
            {entry.count === "encoding" && ` · ${t("calendar.counted")}`}
          </span>
        </span>
      ),
      value: (entry) => entry.today.context_window ?? null,
    },
    {
      id: "price",
      header: t("calendar.prices"),
      align: "end",
      cell: (entry) =>
        entry.today.input_price === undefined && entry.today.output_price === undefined ? (
          "–"
        ) : (
          <span className="whitespace-nowrap">
            {price(entry.today.input_price)} / {price(entry.today.output_price)}
          </span>
        ),
      value: (entry) => entry.today.input_price ?? null,
    },
    {
      id: "ends",
      header: t("calendar.ends"),
      cell: (entry) => (
        <span className="grid gap-0.5 text-xs">
          {isDay(entry.announced) && (
            <span className="whitespace-nowrap">
              {t("calendar.announcedOn", { day: formatDay(entry.announced) })}
            </span>
          )}
          {isDay(entry.shutdown) && (
            <span className="whitespace-nowrap">
              {t(entry.after === "fail" ? "calendar.failsOn" : "calendar.keptOn", {
                day: formatDay(entry.shutdown),
              })}
            </span>
          )}
          {entry.replacement !== undefined && (
            <span className="[overflow-wrap:anywhere] text-muted-foreground">
              {t("calendar.useInstead", { model: entry.replacement })}
            </span>
          )}
          {!isDay(entry.announced) && !isDay(entry.shutdown) && entry.replacement === undefined && "–"}
        </span>
      ),
      value: (entry) => (isDay(entry.shutdown) ? entry.shutdown : null),
    },
  ];
}

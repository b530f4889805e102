import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Eye, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Details, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { useLabels } from "@/features/usage/labels";
import { formatDate, formatTime } from "@/lib/format";
import { limitsKey, type Raise, raisesQuery, withdraw } from "./api";
import { EvidenceChart, RaiseState, useFiguresText, useSubjectText } from "./parts";

/** The requests for an increase that one has made, or the organization has. */
export function OwnRequests({ mayAsk }: { mayAsk: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const list = useQuery(raisesQuery("own"));
  const look = useDialogParam("request");
  const [taken, setTaken] = useState<Raise | null>(null);
  const shown = list.data?.find((r) => r.id === look.subject);
  const columns = useRaiseColumns();
  return (
    <Section title={t("limits.requests")} lead={t("limits.requestsHint")}>
      <DataTable
        prefix="q."
        label={t("limits.requests")}
        columns={columns}
        rows={list.data}
        rowKey={(r) => r.id}
        rowName={(r) => r.model || t("limits.eachModel")}
        sort="-created"
        error={list.error}
        onRetry={() => void list.refetch()}
        empty={<Empty title={t("limits.noRequests")} text={t("limits.noRequestsHint")} />}
        actions={(r) => (
          <>
            <MenuItem onSelect={() => look.show(r.id)}>
              <Eye aria-hidden />
              {t("limits.look")}
            </MenuItem>
            {mayAsk && r.state === "open" && (
              <MenuItem onSelect={() => setTaken(r)}>
                <Undo2 aria-hidden />
                {t("limits.withdraw")}
              </MenuItem>
            )}
          </>
        )}
      />
      <Dialog open={shown !== undefined} onOpenChange={(open) => !open && look.close()}>
        {shown && (
          <DialogContent className="max-w-xl">
            <DialogTitle>{t("limits.request")}</DialogTitle>
            <RaiseDetails of={shown} />
          </DialogContent>
        )}
      </Dialog>
      <Confirm
        open={taken !== null}
        onOpenChange={(open) => !open && setTaken(null)}
        title={t("limits.withdrawTitle")}
        text={t("limits.withdrawText")}
        confirm={t("limits.withdraw")}
        onConfirm={async () => {
          if (!taken) return;
          await withdraw(taken.id);
          await client.invalidateQueries({ queryKey: limitsKey });
          toast(t("limits.withdrawn"));
        }}
      />
    </Section>
  );
}

/** Who asked, by name where it is known here. */
function useBy(): (of: Raise) => string {
  const label = useLabels();
  return (of) => of.user_email || (of.user_id ? label("user_id", of.user_id) : "–");
}

/** What lists of requests show. */
export function useRaiseColumns(): Column<Raise>[] {
  const { t } = useTranslation();
  const text = useFiguresText();
  const subject = useSubjectText();
  const by = useBy();
  return [
    {
      id: "model",
      header: t("limits.model"),
      value: (r) => r.model,
      cell: (r) => (
        <span className="grid">
          <span className="[overflow-wrap:anywhere]">{r.model || t("limits.eachModel")}</span>
          <span className="text-xs [overflow-wrap:anywhere] text-muted-foreground">{subject(r)}</span>
        </span>
      ),
    },
    { id: "wanted", header: t("limits.wanted"), cell: (r) => text(r.wanted) },
    { id: "state", header: t("limits.state"), value: (r) => r.state, cell: (r) => <RaiseState of={r} /> },
    {
      id: "by",
      header: t("limits.by"),
      value: by,
      cell: (r) => <span className="[overflow-wrap:anywhere]">{by(r)}</span>,
      wideOnly: true,
    },
    {
      id: "created",
      header: t("limits.askedOn"),
      value: (r) => r.created_at,
      cell: (r) => <span title={formatTime(r.created_at)}>{formatDate(r.created_at)}</span>,
      nowrap: true,
    },
  ];
}

/** All of a request: what, why, on what evidence, and what became of it. */
export function RaiseDetails({ of }: { of: Raise }) {
  const { t } = useTranslation();
  const text = useFiguresText();
  const subject = useSubjectText();
  const by = useBy();
  const rows: [string, React.ReactNode][] = [
    [t("limits.state"), <RaiseState key="state" of={of} />],
    [t("limits.model"), of.model || t("limits.eachModel")],
    [t("limits.whose"), subject(of)],
    [t("limits.wanted"), text(of.wanted)],
    [t("limits.inForceThen"), text(of.in_force)],
    [
      t("limits.reason"),
      <span key="reason" className="whitespace-pre-wrap">
        {of.reason}
      </span>,
    ],
    [t("limits.by"), by(of)],
    [t("limits.askedOn"), formatTime(of.created_at)],
  ];
  if (of.granted) rows.push([t("limits.granted"), text(of.granted)]);
  if (of.note !== "")
    rows.push([
      t("limits.note"),
      <span key="note" className="whitespace-pre-wrap">
        {of.note}
      </span>,
    ]);
  return (
    <div className="grid gap-4 *:min-w-0">
      <Details rows={rows} />
      <div className="grid gap-1.5 *:min-w-0">
        <p className="text-sm font-medium">{t("limits.evidence")}</p>
        <EvidenceChart days={of.evidence} before={of.created_at} />
      </div>
    </div>
  );
}

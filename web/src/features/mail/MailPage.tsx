import { useMutation, useQuery } from "@tanstack/react-query";
import { MailCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, TextField } from "@/components/console/fields";
import { Details, Page, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toaster";
import { sessionQuery } from "@/features/session/api";
import { formatAgo, formatNumber, formatTime } from "@/lib/format";
import { type Mail, type MailStatus, mailQuery, testMail } from "./api";

const tones = { queued: "neutral", sent: "good", failed: "danger" } as const;

/** Whether mails arrive: the mail server, a test, and the newest mails without their text. */
export function MailPage() {
  const { t } = useTranslation();
  const { data: status, error, refetch } = useQuery(mailQuery);
  const test = useDialogParam("test-mail");
  return (
    <Page
      title={t("mail.title")}
      lead={t("mail.lead")}
      action={status?.configured && <Button onClick={() => test.show()}>{t("mail.test")}</Button>}
    >
      <ErrorBox error={status ? null : error} onRetry={() => void refetch()} />
      {status ? <Parts status={status} /> : !error && <SkeletonLines lines={6} />}
      <TestDialog open={test.open && status?.configured === true} onClose={test.close} />
    </Page>
  );
}

function Parts({ status }: { status: MailStatus }) {
  const { t } = useTranslation();
  const columns: Column<Mail>[] = [
    { id: "subject", header: t("mail.subject"), cell: (mail) => mail.subject, value: (mail) => mail.subject },
    {
      id: "to",
      header: t("mail.to"),
      cell: (mail) => <span className="[overflow-wrap:anywhere] lg:whitespace-nowrap">{mail.to}</span>,
      value: (mail) => mail.to,
    },
    {
      id: "state",
      header: t("mail.state"),
      cell: (mail) => (
        <>
          <Status tone={tones[mail.state]}>{t(`mail.states.${mail.state}`)}</Status>
          {mail.error !== null && (
            <span className="block max-w-sm text-sm [overflow-wrap:anywhere] text-muted-foreground">
              {t("mail.tries", { count: mail.attempts })}: {mail.error}
            </span>
          )}
        </>
      ),
      value: (mail) => mail.state,
    },
    {
      id: "created",
      header: t("mail.created"),
      cell: (mail) => <span title={formatTime(mail.created_at)}>{formatAgo(mail.created_at)}</span>,
      nowrap: true,
      value: (mail) => mail.created_at,
    },
  ];
  return (
    <>
      {status.configured ? (
        <Details
          rows={[
            [t("mail.server"), status.server],
            [t("mail.security"), t(`mail.securities.${status.security}`)],
            [t("mail.from"), status.from],
            [
              t("mail.lately"),
              t("mail.counts", {
                queued: formatNumber(status.queued),
                sent: formatNumber(status.sent),
                failed: formatNumber(status.failed),
              }),
            ],
          ]}
        />
      ) : (
        <NotConfigured />
      )}
      {(status.configured || status.recent.length > 0) && (
        <Section title={t("mail.recent")} lead={t("mail.recentHint")}>
          <DataTable
            label={t("mail.recent")}
            columns={columns}
            rows={status.recent}
            rowKey={(mail) => mail.id}
            sort="-created"
            search
            filters={[
              {
                id: "state",
                label: t("mail.state"),
                options: (["queued", "sent", "failed"] as const).map((value) => ({
                  value,
                  label: t(`mail.states.${value}`),
                })),
                matches: (mail, state) => mail.state === state,
              },
            ]}
            empty={<Empty icon={MailCheck} title={t("mail.none")} />}
          />
        </Section>
      )}
    </>
  );
}

function NotConfigured() {
  const { t } = useTranslation();
  return (
    <Section title={t("mail.offTitle")} lead={t("mail.offText")}>
      <pre className="rounded-xl border bg-code px-4 py-3 font-mono text-sm [overflow-wrap:anywhere] whitespace-pre-wrap">
        {`mail:\n  url: smtp://USER:PASSWORD@mail.example.com:587\n  from: Parley <parley@example.com>`}
      </pre>
    </Section>
  );
}

function TestDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onOpenChange={(shown) => !shown && onClose()}>
      <DialogContent>
        <DialogTitle>{t("mail.test")}</DialogTitle>
        <TestForm onClose={onClose} />
      </DialogContent>
    </Dialog>
  );
}

function TestForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const [to, setTo] = useState(session?.email ?? "");
  const send = useMutation({
    mutationFn: () => testMail(to.trim()),
    onSuccess: () => {
      toast(t("mail.taken", { address: to.trim() }));
      onClose();
    },
  });
  return (
    <Form
      onSubmit={() => send.mutate()}
      busy={send.isPending}
      error={send.error}
      errorTitle={t("mail.notTaken")}
      submit={t("mail.send")}
      disabled={to.trim() === ""}
      cancel
    >
      <TextField
        label={t("mail.to")}
        hint={t("mail.testHint")}
        type="email"
        value={to}
        onChange={setTo}
        autoComplete="email"
      />
    </Form>
  );
}

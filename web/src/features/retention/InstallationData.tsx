import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Flag, Trash2, UserCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Form, TextField } from "@/components/console/fields";
import { Card, Details, Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty, ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { toast } from "@/components/ui/toaster";
import { sessionKey } from "@/features/session/api";
import { FlagForm } from "@/features/review/FlagForm";
import { formatBytes, formatDate, formatNumber } from "@/lib/format";
import {
  addReviewer,
  type Installation,
  installationQuery,
  removeReviewer,
  retentionKey,
  type Reviewer,
  reviewersQuery,
  setInstallation,
} from "./api";

/** What the operator sets for all organizations, and who reviews. */
export function InstallationData() {
  const { t } = useTranslation();
  const query = useQuery(installationQuery);
  const flag = useDialogParam("flag");
  return (
    <>
      <Section
        title={t("retention.installation")}
        lead={t("retention.installationHint")}
        action={
          <Button variant="outline" onClick={() => flag.show()}>
            <Flag aria-hidden />
            {t("review.flag")}
          </Button>
        }
      >
        {query.error && <ErrorBox error={query.error} onRetry={() => void query.refetch()} />}
        {query.isPending && <SkeletonLines />}
        {query.data && (
          <>
            <Details
              rows={[
                [
                  t("retention.stored"),
                  t("retention.storedAll", {
                    requests: formatNumber(query.data.stored.requests),
                    size: formatBytes(query.data.stored.bytes),
                  }),
                ],
                [
                  t("retention.dropped"),
                  t("retention.droppedText", {
                    dropped: formatNumber(query.data.server.dropped_requests),
                    kept: formatNumber(query.data.server.kept_requests),
                  }),
                ],
              ]}
            />
            <Card>
              <InstallationForm
                key={`${query.data.default_days} ${query.data.sample_rate}`}
                of={query.data}
              />
            </Card>
          </>
        )}
      </Section>
      <Section title={t("retention.reviewers")} lead={t("retention.reviewersHint")}>
        <Reviewers />
      </Section>
      <Dialog open={flag.open} onOpenChange={(open) => !open && flag.close()}>
        <DialogContent>
          <DialogTitle>{t("review.flag")}</DialogTitle>
          <FlagForm onDone={flag.close} />
        </DialogContent>
      </Dialog>
    </>
  );
}

function InstallationForm({ of }: { of: Installation }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [days, setDays] = useState(String(of.default_days));
  const [sample, setSample] = useState(String(Number((of.sample_rate * 100).toFixed(4))));
  const [asking, ask] = useState(false);
  const n = Number(days);
  const percent = Number(sample);
  const daysValid = days.trim() !== "" && Number.isInteger(n) && n >= 0 && n <= 365;
  const sampleValid = sample.trim() !== "" && percent >= 0 && percent <= 100;
  const save = useMutation({
    mutationFn: () =>
      setInstallation({
        default_days: of.from_configuration && n === of.default_days ? null : n,
        sample_rate: percent / 100,
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: retentionKey });
      toast(t("console.form.saved"));
    },
  });
  return (
    <>
      <Form
        minor
        submit={t("console.form.save")}
        busy={save.isPending}
        disabled={!daysValid || !sampleValid || (n === of.default_days && percent === of.sample_rate * 100)}
        error={asking ? null : save.error}
        onSubmit={() => (n < of.default_days && of.stored.requests > 0 ? ask(true) : save.mutate())}
      >
        <TextField
          label={t("retention.defaultDays")}
          hint={of.from_configuration ? t("retention.fromConfiguration") : t("retention.defaultDaysHint")}
          inputMode="numeric"
          className="max-w-md"
          value={days}
          onChange={setDays}
          error={daysValid ? undefined : t("retention.defaultDaysError")}
        />
        <TextField
          label={t("retention.sample")}
          hint={t("retention.sampleHint")}
          inputMode="decimal"
          className="max-w-md"
          value={sample}
          onChange={setSample}
          error={sampleValid ? undefined : t("retention.sampleError")}
        />
      </Form>
      <Confirm
        open={asking}
        onOpenChange={ask}
        title={t("retention.shorterTitle")}
        text={n === 0 ? t("retention.shorterAllNothing") : t("retention.shorterAll", { count: n })}
        confirm={t("retention.shorterConfirm")}
        onConfirm={() => save.mutateAsync()}
      />
    </>
  );
}

/** What people know them by. */
function nameOf(r: Reviewer): string {
  return [r.email, r.name, r.id].find((text) => text !== "") ?? "";
}

function Reviewers() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const query = useQuery(reviewersQuery);
  const [user, setUser] = useState("");
  const [removing, setRemoving] = useState<Reviewer | null>(null);
  const changed = async () => {
    await client.invalidateQueries({ queryKey: reviewersQuery.queryKey });
    await client.invalidateQueries({ queryKey: sessionKey }); // it may be oneself
  };
  const add = useMutation({
    mutationFn: () => addReviewer(user.trim()),
    onSuccess: async () => {
      setUser("");
      await changed();
    },
  });
  const columns: Column<Reviewer>[] = [
    {
      id: "name",
      header: t("retention.reviewer"),
      cell: (r) => (
        <span className="grid">
          <span>{r.name || r.id}</span>
          {r.email !== "" && <span className="text-muted-foreground">{r.email}</span>}
        </span>
      ),
      value: (r) => r.name,
    },
    {
      id: "added",
      header: t("retention.added"),
      cell: (r) => formatDate(r.added_at),
      nowrap: true,
      value: (r) => r.added_at,
    },
  ];
  return (
    <>
      <DataTable
        label={t("retention.reviewers")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(r) => r.id}
        rowName={nameOf}
        prefix="reviewers_"
        sort="name"
        actions={(r) => (
          <MenuItem danger onSelect={() => setRemoving(r)}>
            <Trash2 aria-hidden />
            {t("retention.removeReviewer")}
          </MenuItem>
        )}
        empty={
          <Empty icon={UserCheck} title={t("retention.noReviewers")} text={t("retention.noReviewersHint")} />
        }
      />
      <Card>
        <Form
          minor
          submit={t("retention.addReviewer")}
          busy={add.isPending}
          disabled={user.trim() === ""}
          error={add.error}
          errorTitle={t("retention.addFailed")}
          onSubmit={() => add.mutate()}
        >
          <TextField
            label={t("retention.reviewerUser")}
            hint={t("retention.reviewerUserHint")}
            className="max-w-md"
            autoComplete="off"
            value={user}
            onChange={setUser}
          />
        </Form>
      </Card>
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => !open && setRemoving(null)}
        title={t("retention.removeTitle")}
        text={t("retention.removeText", { name: removing ? nameOf(removing) : "" })}
        confirm={t("retention.removeReviewer")}
        onConfirm={async () => {
          if (!removing) return;
          await removeReviewer(removing.id);
          await changed();
        }}
      />
    </>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { Form, TextField } from "@/components/console/fields";
import { Card, Details, Section } from "@/components/console/Page";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { toast } from "@/components/ui/toaster";
import { formatTime } from "@/lib/format";
import { type Keeping, keepingQuery, setKeeping } from "./api";

/** How long usage is kept, for the operator, who decides it for all organizations. */
export function KeepingSection() {
  const { t } = useTranslation();
  const query = useQuery(keepingQuery);
  return (
    <Section title={t("usage.keeping.title")} lead={t("usage.keeping.lead")}>
      {query.error && <ErrorBox error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <SkeletonLines lines={4} />}
      {query.data && (
        <>
          {(query.data.requests_from !== null || query.data.minutes_from !== null) && (
            <Details
              rows={[
                [t("usage.keeping.requests"), sinceText(query.data.requests_from)],
                [t("usage.keeping.minutes"), sinceText(query.data.minutes_from)],
              ]}
            />
          )}
          <Card>
            <KeepingForm key={`${query.data.requests_days} ${query.data.minutes_days}`} of={query.data} />
          </Card>
        </>
      )}
    </Section>
  );

  function sinceText(from: number | null): string {
    return from === null ? t("usage.keeping.forGood") : t("usage.keeping.since", { time: formatTime(from) });
  }
}

const most = 36_500; // days: what the server takes

/** Days as they are typed; null: not a number that the server takes. 0 is for good. */
export function parseDays(text: string): number | null {
  const n = Number(text);
  return text.trim() !== "" && Number.isInteger(n) && n >= 0 && n <= most ? n : null;
}

/** Whether something that is kept under the old number of days goes under the new one. */
export function keepsLess(before: number, after: number): boolean {
  return after !== 0 && (before === 0 || after < before);
}

function KeepingForm({ of }: { of: Keeping }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [requests, setRequests] = useState(String(of.requests_days));
  const [minutes, setMinutes] = useState(String(of.minutes_days));
  const [asking, ask] = useState(false);
  const [requestDays, minuteDays] = [parseDays(requests), parseDays(minutes)];
  const save = useMutation({
    mutationFn: () => setKeeping({ requests_days: requestDays ?? 0, minutes_days: minuteDays ?? 0 }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keepingQuery.queryKey });
      toast(t("console.form.saved"));
    },
  });
  const less = keepsLess(of.requests_days, requestDays ?? 0) || keepsLess(of.minutes_days, minuteDays ?? 0);
  return (
    <>
      <Form
        minor
        submit={t("console.form.save")}
        busy={save.isPending}
        disabled={
          requestDays === null ||
          minuteDays === null ||
          (requestDays === of.requests_days && minuteDays === of.minutes_days)
        }
        error={asking ? null : save.error}
        onSubmit={() => (less ? ask(true) : save.mutate())}
      >
        <TextField
          label={t("usage.keeping.requestsDays")}
          hint={t("usage.keeping.requestsHint")}
          inputMode="numeric"
          className="max-w-md"
          value={requests}
          onChange={setRequests}
          error={requestDays === null ? t("usage.keeping.daysError") : undefined}
        />
        <TextField
          label={t("usage.keeping.minutesDays")}
          hint={t("usage.keeping.minutesHint")}
          inputMode="numeric"
          className="max-w-md"
          value={minutes}
          onChange={setMinutes}
          error={minuteDays === null ? t("usage.keeping.daysError") : undefined}
        />
      </Form>
      <Confirm
        open={asking}
        onOpenChange={ask}
        title={t("usage.keeping.shorterTitle")}
        text={t("usage.keeping.shorterText")}
        confirm={t("retention.shorterConfirm")}
        onConfirm={() => save.mutateAsync()}
      />
    </>
  );
}

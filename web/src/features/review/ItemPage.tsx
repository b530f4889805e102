import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { Eye, Hand, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { isNotFound } from "@/api/errors";
import { Form, RadioField, TextAreaField } from "@/components/console/fields";
import { Card, Details, Page, Section } from "@/components/console/Page";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { formatBytes, formatNumber, formatTime } from "@/lib/format";
import {
  type Bodies,
  claim,
  decide,
  type Decision,
  type Item,
  itemQuery,
  look,
  release,
  reviewKey,
} from "./api";
import { type Part, readableRequest, readableResponse } from "./readable";
import { StateOf } from "./ReviewPage";

/** One item of the queue. Its request and answer are shown on a click, which the organization's audit log tells. */
export function ItemPage() {
  const { t } = useTranslation();
  const { itemId = "" } = useParams({ strict: false });
  const client = useQueryClient();
  const query = useQuery(itemQuery(itemId));
  const item = query.data;
  const changed = async (now: Item) => {
    client.setQueryData(itemQuery(itemId).queryKey, now);
    await client.invalidateQueries({ queryKey: [...reviewKey, "queue"] });
  };
  const read = useMutation({
    mutationFn: () => look(itemId),
    onSuccess: ({ item: now }) => changed(now),
    gcTime: 0, // nothing of it stays when the page is left
  });
  const take = useMutation({ mutationFn: () => claim(itemId), onSuccess: changed });
  const giveBack = useMutation({
    mutationFn: () => release(itemId),
    onSuccess: (now) => {
      read.reset();
      return changed(now);
    },
  });
  const mine = item?.state === "claimed" && item.mine;
  return (
    <Page
      title={t("review.item")}
      back={{ to: "/console/review", label: t("review.title") }}
      action={
        item?.state === "open" ? (
          <Button onClick={() => take.mutate()} disabled={take.isPending}>
            <Hand aria-hidden />
            {t("review.claim")}
          </Button>
        ) : (
          mine && (
            <Button variant="outline" onClick={() => giveBack.mutate()} disabled={giveBack.isPending}>
              <Undo2 aria-hidden />
              {t("review.release")}
            </Button>
          )
        )
      }
    >
      {query.error && (
        <ErrorBox
          error={query.error}
          title={isNotFound(query.error) ? t("review.missing") : undefined}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.isPending && <SkeletonLines lines={6} />}
      <ErrorBox error={take.error ?? giveBack.error} title={t("review.claimFailed")} />
      {item && <About item={item} />}
      {mine && (
        <>
          <Section
            title={t("review.bodies")}
            lead={t("review.bodiesHint", { organization: item.organization_name || item.organization_id })}
            action={
              !read.data && (
                <Button variant="outline" onClick={() => read.mutate()} disabled={read.isPending}>
                  <Eye aria-hidden />
                  {t("review.look")}
                </Button>
              )
            }
          >
            <ErrorBox error={read.error} title={t("review.lookFailed")} />
            {read.data && <Read bodies={read.data} />}
          </Section>
          <Section title={t("review.decision")}>
            <Card>
              <DecisionForm item={item} />
            </Card>
          </Section>
        </>
      )}
    </Page>
  );
}

function About({ item }: { item: Item }) {
  const { t } = useTranslation();
  const rows: [string, React.ReactNode][] = [
    [t("review.request"), <code className="font-mono text-xs">{item.request_id}</code>],
    [t("review.organization"), `${item.organization_name} · ${item.organization_id}`],
    [t("review.reason"), item.reason],
    [t("review.source"), t(`review.sources.${item.source}`)],
    [t("review.since"), formatTime(item.created_at)],
    [t("review.state"), <StateOf state={item.state} />],
    [t("review.looks"), formatNumber(item.looks)],
  ];
  if (item.claimed_by !== null) {
    const who = item.mine ? t("review.you") : item.claimed_by;
    rows.push([
      t("review.reviewer"),
      item.claimed_until === null ? who : t("review.until", { who, time: formatTime(item.claimed_until) }),
    ]);
  }
  if (item.decision !== null) rows.push([t("review.decision"), t(`review.decisions.${item.decision}`)]);
  if (item.message !== "") rows.push([t("review.message"), item.message]);
  if (item.note !== "") rows.push([t("review.note"), item.note]);
  return <Details rows={rows} />;
}

function Read({ bodies }: { bodies: Bodies }) {
  const { t } = useTranslation();
  const [raw, setRaw] = useState(false);
  const request = raw ? [{ label: "", text: bodies.request }] : readableRequest(bodies.request);
  const response = raw ? [{ label: "", text: bodies.response }] : readableResponse(bodies.response);
  return (
    <>
      <Details
        rows={[
          [t("review.requestedAt"), formatTime(bodies.requested_at)],
          [t("review.operation"), `${bodies.operation} · ${bodies.status}`],
          [
            t("review.by"),
            [bodies.project_id, bodies.user_id, bodies.service_account_id, bodies.api_key_id]
              .filter((id) => id !== null)
              .join(" · "),
          ],
        ]}
      />
      <div className="flex justify-end">
        <Button variant="outline" size="sm" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          {t("review.raw")}
        </Button>
      </div>
      <Body
        title={t("review.asked")}
        parts={request}
        cut={bodies.request_cut ? formatBytes(bodies.request_bytes) : null}
      />
      <Body
        title={t("review.answered")}
        parts={response}
        cut={bodies.response_cut && response.length > 0 ? formatBytes(bodies.response_bytes) : null}
      />
    </>
  );
}

function Body({ title, parts, cut }: { title: string; parts: Part[]; cut: string | null }) {
  const { t } = useTranslation();
  return (
    <Card className="grid gap-3">
      <h3 className="text-sm font-medium">{title}</h3>
      {parts.length === 0 && <p className="text-sm text-muted-foreground">{t("review.notKept")}</p>}
      {parts.map((part, i) => (
        <div key={i} className="grid gap-1">
          {part.label !== "" && <p className="text-xs font-medium text-muted-foreground">{part.label}</p>}
          <pre className="text-sm [overflow-wrap:anywhere] whitespace-pre-wrap">{part.text}</pre>
        </div>
      ))}
      {cut !== null && <p className="text-sm text-muted-foreground">{t("review.cut", { size: cut })}</p>}
    </Card>
  );
}

function DecisionForm({ item }: { item: Item }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [decision, setDecision] = useState<Decision["decision"]>("no_action");
  const [message, setMessage] = useState("");
  const [note, setNote] = useState("");
  const send = useMutation({
    mutationFn: () =>
      decide(item.id, {
        decision,
        ...(note.trim() !== "" && { note: note.trim() }),
        ...(decision === "warn" && { message: message.trim() }),
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: reviewKey });
      toast(t("review.decided"));
      await navigate({ to: "/console/review" });
    },
  });
  return (
    <Form
      submit={t("review.decide")}
      busy={send.isPending}
      disabled={decision === "warn" && message.trim() === ""}
      error={send.error}
      onSubmit={() => send.mutate()}
    >
      <RadioField
        label={t("review.decision")}
        value={decision}
        onChange={setDecision}
        options={[
          { value: "no_action", label: t("review.decisions.no_action") },
          { value: "warn", label: t("review.decisions.warn"), hint: t("review.warnHint") },
        ]}
      />
      {decision === "warn" && (
        <TextAreaField
          label={t("review.message")}
          hint={t("review.messageHint")}
          maxLength={2000}
          value={message}
          onChange={setMessage}
        />
      )}
      <TextAreaField
        label={t("review.note")}
        hint={t("review.noteHint")}
        optional
        maxLength={2000}
        value={note}
        onChange={setNote}
      />
    </Form>
  );
}

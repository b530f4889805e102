import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowRight, Check, FlaskConical, KeyRound, type LucideIcon, UserPlus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { Status } from "@/components/console/Badge";
import { Chart } from "@/components/console/Chart";
import { Card, Page, Section } from "@/components/console/Page";
import { ErrorBox, Skeleton, SkeletonLines } from "@/components/console/states";
import { keysQuery } from "@/features/keys/api";
import { usersQuery } from "@/features/members/api";
import { modelsQuery } from "@/features/models/api";
import { sessionQuery } from "@/features/session/api";
import { may } from "@/features/session/may";
import { sumsQuery, type UsageSum } from "@/features/usage/api";
import { readPeriod, textOf } from "@/features/usage/period";
import { measures, seriesByGroup } from "@/features/usage/series";
import { bucketsOf, titleOf } from "@/features/usage/time";
import { cn } from "@/lib/cn";
import { formatCompact, formatMoney, formatNumber } from "@/lib/format";

/** The first page of the console: how things stand, and what to do next. */
export function OverviewPage() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const sees = may(session, "usage.read");
  // The day that it was when the page was opened.
  const [{ month, today }] = useState(now);
  const ofMonth = useQuery({ ...sumsQuery(month, {}, null, true), enabled: sees });
  const ofToday = useQuery({ ...sumsQuery(today, {}, null, true), enabled: sees });
  const limited = useQuery({ ...sumsQuery(today, { outcome: "limited" }, null, true), enabled: sees });
  const byModel = useQuery({ ...sumsQuery(month, {}, "model"), enabled: sees });
  const failed = [ofMonth, ofToday, limited, byModel].find((query) => query.error !== null);
  const requests = ofMonth.error ? 0 : ofMonth.data && total(ofMonth.data, measures.requests);
  const steps = useNextSteps(sees, requests);

  return (
    <Page
      title={t("overview.title")}
      lead={t("overview.lead", {
        organization: session?.organization.name ?? "",
        project: session?.project.name ?? "",
      })}
    >
      {/* Shown together, so that nothing moves when it is known what comes first. */}
      {steps === undefined && <SkeletonLines lines={4} />}
      {sees && steps !== undefined && (
        <>
          {steps.length > 0 && <NextSteps steps={steps} />}
          {failed && <ErrorBox error={failed.error} onRetry={() => void failed.refetch()} />}
          <ul className="grid grid-cols-2 gap-3 lg:grid-cols-4">
            <Tile
              label={t("overview.cost")}
              today={figure(ofToday.data, measures.cost, formatMoney)}
              month={figure(ofMonth.data, measures.cost, formatMoney)}
              to="/console/usage"
            />
            <Tile
              label={t("overview.requests")}
              today={figure(ofToday.data, measures.requests, formatNumber)}
              month={figure(ofMonth.data, measures.requests, formatNumber)}
              to="/console/usage"
            />
            <Tile
              label={t("overview.tokens")}
              today={figure(ofToday.data, measures.tokens, formatCompact)}
              month={figure(ofMonth.data, measures.tokens, formatCompact)}
              to="/console/usage"
            />
            <Tile
              label={t("overview.errors")}
              today={figure(ofToday.data, measures.errors, formatNumber)}
              month={figure(ofMonth.data, measures.errors, formatNumber)}
              note={
                limited.data && total(limited.data, measures.requests) > 0
                  ? t("overview.limited", {
                      count: total(limited.data, measures.requests),
                      shown: formatNumber(total(limited.data, measures.requests)),
                    })
                  : undefined
              }
              to="/console/usage"
            />
          </ul>
          <Section title={t("overview.byModel", { month: titleOf(month) })} lead={t("overview.utc")}>
            <Chart
              label={t("overview.byModel", { month: titleOf(month) })}
              kind="bars"
              buckets={bucketsOf(month)}
              series={seriesByGroup(
                byModel.data ?? [],
                month.buckets,
                "model",
                measures.requests,
                (name) => name || t("usage.noModel"),
                t("overview.others"),
              )}
              format={formatNumber}
              formatTick={formatCompact}
              loading={byModel.isPending}
              empty={byModel.data ? t("overview.noRequests") : "–"}
            />
          </Section>
        </>
      )}
      <Models />
    </Page>
  );
}

function now() {
  return { month: readPeriod(undefined), today: readPeriod(textOf("day", Date.now() / 1000)) };
}

/** All groups and buckets of an answer together. */
function total(sums: readonly UsageSum[], measure: (sum: UsageSum) => number): number {
  return sums.reduce((all, sum) => all + measure(sum), 0);
}

function figure(
  sums: readonly UsageSum[] | undefined,
  measure: (sum: UsageSum) => number,
  format: (value: number) => string,
): string | undefined {
  return sums && format(total(sums, measure));
}

type TileProps = {
  label: string;
  today: string | undefined;
  month: string | undefined;
  note?: string | undefined;
  to: string;
};

/** One figure of today and of the month; the way to more of it. */
function Tile({ label, today, month, note, to }: TileProps) {
  const { t } = useTranslation();
  return (
    <li className="relative grid content-start gap-1 rounded-xl border bg-card p-4 hover:border-input">
      <Link
        to={to}
        className="text-sm text-muted-foreground outline-none after:absolute after:inset-0 after:rounded-xl focus-visible:after:ring-2 focus-visible:after:ring-ring"
      >
        {label}
      </Link>
      <p className="h-8 text-2xl font-semibold tabular-nums">
        {today ?? <Skeleton className="mt-1 h-6 w-20" />}
      </p>
      <p className="text-sm text-muted-foreground tabular-nums">
        {month === undefined ? <Skeleton className="h-5 w-24" /> : t("overview.thisMonth", { figure: month })}
      </p>
      {note !== undefined && <p className="text-sm text-warning">{note}</p>}
    </li>
  );
}

type Step = {
  id: "key" | "playground" | "invite";
  icon: LucideIcon;
  done: boolean;
  to: string;
  dialog?: string;
};

/** What a new organization does first: nothing once all of it is done; undefined while that is not known. */
function useNextSteps(sees: boolean, requests: number | undefined): Step[] | undefined {
  const { data: session } = useQuery(sessionQuery);
  const mayKeys = may(session, "keys.write");
  const mayInvite = may(session, "organization.write");
  const keys = useQuery({ ...keysQuery, enabled: mayKeys });
  const users = useQuery({ ...usersQuery, enabled: mayInvite });
  if (!sees || keys.error || users.error) return [];
  if (requests === undefined || (mayKeys && !keys.data) || (mayInvite && !users.data)) return undefined;
  const steps: Step[] = [
    { id: "playground", icon: FlaskConical, done: requests > 0, to: "/console/playground" },
  ];
  if (mayKeys) {
    const done = (keys.data?.length ?? 0) > 0;
    steps.unshift({ id: "key", icon: KeyRound, done, to: "/console/keys", dialog: "new" });
  }
  if (mayInvite) {
    const done = (users.data?.length ?? 0) > 1;
    steps.push({ id: "invite", icon: UserPlus, done, to: "/console/members", dialog: "invite" });
  }
  return steps.every((step) => step.done) ? [] : steps;
}

function NextSteps({ steps }: { steps: Step[] }) {
  const { t } = useTranslation();
  return (
    <Section title={t("overview.next")}>
      <ul className="grid gap-3 sm:grid-cols-3">
        {steps.map((step) => (
          <li key={step.id} className="relative flex items-start gap-3 rounded-xl border bg-card p-4">
            <span
              aria-hidden
              className={cn(
                "mt-0.5 flex size-6 shrink-0 items-center justify-center rounded-full [&_svg]:size-3.5",
                step.done ? "bg-primary text-primary-foreground" : "bg-muted text-muted-foreground",
              )}
            >
              {step.done ? <Check /> : <step.icon />}
            </span>
            <div className="min-w-0 grow">
              <Link
                to={step.to}
                search={step.dialog === undefined ? {} : { dialog: step.dialog }}
                className="font-medium outline-none after:absolute after:inset-0 after:rounded-xl focus-visible:after:ring-2 focus-visible:after:ring-ring"
              >
                {t(`overview.steps.${step.id}`)}
                {step.done && <span className="sr-only"> {t("overview.done")}</span>}
              </Link>
              <p className="text-sm text-muted-foreground">{t(`overview.stepHints.${step.id}`)}</p>
            </div>
            {!step.done && <ArrowRight className="mt-1 size-4 text-muted-foreground" aria-hidden />}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const tones: Record<Model["state"], "good" | "neutral" | "warning" | "danger"> = {
  ready: "good",
  cold: "neutral",
  loading: "warning",
  failed: "danger",
};

/** The models behind the names: what is in memory, what loads when asked. */
function Models() {
  const { t } = useTranslation();
  const { data: names, error, refetch } = useQuery(modelsQuery);
  const served = [...new Map(names?.map((model) => [model.served_model, model])).values()];
  const label = (model: Model): ReactNode =>
    model.state === "loading" ? t("overview.loading") : t(`models.state.${model.state}`);
  return (
    <Section title={t("overview.models")}>
      {error && !names && <ErrorBox error={error} onRetry={() => void refetch()} />}
      <Card className="p-0">
        <ul className="divide-y text-sm">
          {names === undefined && !error && (
            <li className="px-4 py-3">
              <Skeleton className="h-5 w-48" />
            </li>
          )}
          {served.map((model) => (
            <li
              key={model.served_model}
              className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-2.5"
            >
              <span className="min-w-0 font-mono text-xs [overflow-wrap:anywhere]">{model.served_model}</span>
              <Status tone={tones[model.state]}>{label(model)}</Status>
            </li>
          ))}
          {names?.length === 0 && (
            <li className="px-4 py-3 text-muted-foreground">{t("overview.noModels")}</li>
          )}
        </ul>
      </Card>
    </Section>
  );
}

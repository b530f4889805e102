import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Chart } from "@/components/console/Chart";
import { Status } from "@/components/console/Badge";
import { TextField } from "@/components/console/fields";
import { formatCompact, formatNumber } from "@/lib/format";
import { accountsQuery } from "@/features/billing/api";
import { useMay } from "@/features/session/may";
import type { Dimension } from "@/features/usage/api";
import { useLabels } from "@/features/usage/labels";
import { time } from "@/features/usage/time";
import {
  type Figure,
  figures,
  type Figures,
  type Limit,
  type Raise,
  type RaiseDay,
  type Side,
  type Subject,
} from "./api";

/** "60 requests a minute, 9,000 tokens a minute" */
export function useFiguresText(): (values: Partial<Record<Figure, number | undefined>>) => string {
  const { t } = useTranslation();
  return (values) =>
    figures
      .filter((figure) => values[figure] !== undefined)
      .map((figure) => {
        const n = values[figure] ?? 0;
        return n === 0 ? t(`limits.none.${figure}`) : t(`limits.figure.${figure}`, { n: formatNumber(n) });
      })
      .join(", ");
}

/** What names those whom a limit is about; others are known by their own words. */
const dimensions: Partial<Record<Subject, Dimension>> = {
  project: "project_id",
  user: "user_id",
  key: "api_key_id",
};

/** Whom a limit is about. */
export function useSubjectText(side: Side = "own"): (of: { subject: Subject; subject_id: string }) => string {
  const { t } = useTranslation();
  const label = useLabels();
  const organization = useOrganizationName();
  const nameOf = (subject: Subject, id: string) => {
    if (subject === "organization") return organization(id);
    const kind = dimensions[subject];
    return kind === undefined ? id : label(kind, id);
  };
  return ({ subject, subject_id }) => {
    if (subject_id !== "") return `${t(`limits.subjects.${subject}`)} ${nameOf(subject, subject_id)}`;
    if (side === "operator" && subject === "organization") return t("limits.eachOrganization");
    return t(`limits.each.${subject}`);
  };
}

/** An organization's name for the operator, who alone sees those of others; its id until it is known. */
export function useOrganizationName(): (id: string) => string {
  const { data } = useQuery({ ...accountsQuery, enabled: useMay("operator"), staleTime: 60_000 });
  return (id) => data?.find((account) => account.organization_id === id)?.name ?? id;
}

/** The fields of a limit's figures. */
export function FigureFields({
  values,
  onChange,
  only = figures,
  hint,
}: {
  values: Partial<Record<Figure, string>>;
  onChange: (values: Partial<Record<Figure, string>>) => void;
  only?: readonly Figure[];
  hint?: (figure: Figure) => string | undefined;
}) {
  const { t } = useTranslation();
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      {only.map((figure) => {
        const text = hint?.(figure);
        return (
          <TextField
            key={figure}
            label={t(`limits.fields.${figure}`)}
            optional
            inputMode="numeric"
            pattern="[0-9]*"
            autoComplete="off"
            value={values[figure] ?? ""}
            onChange={(value) => onChange({ ...values, [figure]: value })}
            {...(text !== undefined && { hint: text })}
          />
        );
      })}
    </div>
  );
}

/** The 30 days that were taken with a request. */
export function EvidenceChart({ days, before }: { days: readonly RaiseDay[]; before: number }) {
  const { t } = useTranslation();
  const last = Math.floor(before / 86_400) * 86_400;
  const starts = Array.from({ length: 30 }, (_, i) => last - (29 - i) * 86_400);
  const at = new Map(days.map((day) => [day.start_time, day]));
  const values = (of: (day: RaiseDay) => number) =>
    starts.map((start) => {
      const day = at.get(start);
      return day ? of(day) : 0;
    });
  const peak = (of: (day: RaiseDay) => number) => formatNumber(Math.max(0, ...days.map(of)));
  return (
    <div className="grid gap-2 *:min-w-0">
      <Chart
        label={t("limits.evidence")}
        kind="bars"
        height={130}
        buckets={starts.map((start) => ({
          id: String(start),
          label: time.dayOfMonth(start),
          title: time.day(start),
        }))}
        series={[
          { id: "answered", label: t("limits.let"), values: values((d) => d.requests - d.limited), tone: 0 },
          { id: "limited", label: t("limits.limited"), values: values((d) => d.limited), tone: "danger" },
        ]}
        format={formatNumber}
        formatTick={formatCompact}
        whole
        empty={t("limits.noUse")}
      />
      <p className="text-sm text-muted-foreground">
        {t("limits.peaks", {
          requests: peak((d) => d.peak_requests_1_minute),
          tokens: peak((d) => d.peak_tokens_1_minute),
          tokensDay: peak((d) => d.tokens),
        })}
      </p>
    </div>
  );
}

const tones = { open: "warning", approved: "good", denied: "danger", withdrawn: "neutral" } as const;

export function RaiseState({ of }: { of: Raise }) {
  const { t } = useTranslation();
  return <Status tone={tones[of.state]}>{t(`limits.states.${of.state}`)}</Status>;
}

/** The figures of a limit that are set. */
export function figuresOf(values: Limit | Raise["wanted"]): Figures {
  const out: Figures = {};
  for (const figure of figures) {
    const n = values[figure];
    if (n !== undefined) out[figure] = n;
  }
  return out;
}

export const asTexts = (values: Figures): Partial<Record<Figure, string>> =>
  Object.fromEntries(Object.entries(values).map(([figure, n]) => [figure, String(n)]));

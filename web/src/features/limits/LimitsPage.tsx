import { useQuery } from "@tanstack/react-query";
import { ArrowUpRight, Gauge } from "lucide-react";
import { useTranslation } from "react-i18next";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Card, Page, Section } from "@/components/console/Page";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { MenuItem } from "@/components/ui/menu";
import { Choice } from "@/components/ui/toggle-group";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { formatMoney, formatNumber, formatPercent } from "@/lib/format";
import { AskDialog } from "./AskDialog";
import {
  type Figure,
  figures,
  type ModelLimit,
  modelsQuery,
  type Standing,
  standingQuery,
  usedOf,
} from "./api";
import { OwnRequests } from "./OwnRequests";
import { Rules } from "./Rules";

/** What one may ask for, how much of it is used now, and the way to more. */
export function LimitsPage() {
  const { t } = useTranslation();
  const mayAsk = useMay("limits.ask");
  const mayWrite = useMay("limits.write");
  const asking = useDialogParam("ask");
  return (
    <Page
      title={t("limits.title")}
      lead={t("limits.lead")}
      action={
        mayAsk && (
          <Button onClick={() => asking.show()}>
            <ArrowUpRight aria-hidden />
            {t("limits.ask")}
          </Button>
        )
      }
    >
      <TierCard />
      <Models mayAsk={mayAsk} onAsk={(model) => asking.show(model)} />
      <OwnRequests mayAsk={mayAsk} />
      <Rules side="own" editable={mayWrite} />
      <Dialog open={asking.open && mayAsk} onOpenChange={(open) => !open && asking.close()}>
        {/* What is typed into it begins anew each time. */}
        {asking.open && <AskDialog model={asking.subject ?? ""} onDone={asking.close} />}
      </Dialog>
    </Page>
  );
}

/** The tier that spending and age have earned, and what the next asks for. Nothing where there are no tiers. */
function TierCard() {
  const { data: standing } = useQuery(standingQuery);
  if (!standing || (standing.tier === null && standing.next === null)) return null;
  return <TierOf standing={standing} />;
}

function TierOf({ standing: { tier, next, spend, age_days } }: { standing: Standing }) {
  const { t } = useTranslation();
  return (
    <Card className="grid gap-4 sm:grid-cols-[auto_1fr] sm:items-center sm:gap-8">
      <div>
        <p className="text-sm text-muted-foreground">{t("limits.tier")}</p>
        <p className="text-2xl font-semibold">{tier ?? t("limits.noTier")}</p>
        <p className="text-sm text-muted-foreground">
          {t("limits.earned", { spend: formatMoney(spend), count: age_days })}
        </p>
      </div>
      {next ? (
        <div className="grid gap-2">
          <p className="text-sm font-medium">{t("limits.next", { tier: next.tier })}</p>
          {next.min_spend > 0 && (
            <Progress
              label={t("limits.spent", { now: formatMoney(spend), of: formatMoney(next.min_spend) })}
              share={spend / next.min_spend}
            />
          )}
          {next.min_age_days > 0 && (
            <Progress
              label={t("limits.days", { now: formatNumber(age_days), of: formatNumber(next.min_age_days) })}
              share={age_days / next.min_age_days}
            />
          )}
        </div>
      ) : (
        <p className="text-sm text-muted-foreground">{t("limits.highest")}</p>
      )}
    </Card>
  );
}

function Progress({ label, share }: { label: string; share: number }) {
  const full = Math.min(1, Math.max(0, share));
  return (
    <div className="grid gap-1">
      <div className="flex justify-between gap-4 text-sm text-muted-foreground tabular-nums">
        <span>{label}</span>
        <span>{formatPercent(full)}</span>
      </div>
      <Meter label={label} share={full} />
    </div>
  );
}

function Meter({ label, share }: { label: string; share: number }) {
  const tone = share >= 1 ? "bg-danger" : share >= 0.8 ? "bg-warning" : "bg-primary";
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      className="h-1.5 overflow-hidden rounded-full bg-muted"
    >
      <div className={`h-full rounded-full ${tone}`} style={{ width: `${share * 100}%` }} />
    </div>
  );
}

const whoms = ["organization", "project", "user"] as const;
type Whom = (typeof whoms)[number];

function Models({ mayAsk, onAsk }: { mayAsk: boolean; onAsk: (model: string) => void }) {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const [params, change] = useParamsState();
  const whom: Whom = whoms.find((w) => w === params.of) ?? "organization";
  const id = { organization: "", project: session?.project.id ?? "", user: session?.user.id ?? "" }[whom];
  const models = useQuery({ ...modelsQuery(whom, id), enabled: session !== undefined });
  const limited = models.data?.filter((m) => figures.some((figure) => m[figure] > 0));
  const columns: Column<ModelLimit>[] = [
    {
      id: "model",
      header: t("limits.model"),
      value: (m) => m.model,
      cell: (m) => <span className="[overflow-wrap:anywhere]">{m.model}</span>,
    },
    ...figures.map((figure): Column<ModelLimit> => ({
      id: figure,
      header: t(`limits.fields.${figure}`),
      value: (m) => shareOf(m, figure),
      text: () => "",
      cell: (m) => <Used of={m} figure={figure} />,
      align: "end",
    })),
  ];
  return (
    <Section
      title={t("limits.models")}
      lead={t("limits.modelsHint")}
      action={
        <Choice
          label={t("limits.whose")}
          value={whom}
          onChange={(next) => change({ of: next === "organization" ? undefined : next, "m.page": undefined })}
          options={whoms.map((value) => ({ value, label: t(`limits.whom.${value}`) }))}
        />
      }
    >
      <DataTable
        prefix="m."
        label={t("limits.models")}
        columns={columns}
        rows={limited}
        rowKey={(m) => m.model}
        rowName={(m) => m.model}
        sort="model"
        search
        error={models.error}
        onRetry={() => void models.refetch()}
        empty={<Empty icon={Gauge} title={t(`limits.noLimits.${whom}`)} text={t("limits.noLimitsHint")} />}
        {...(mayAsk && {
          actions: (m: ModelLimit) => (
            <MenuItem onSelect={() => onAsk(m.model)}>
              <ArrowUpRight aria-hidden />
              {t("limits.ask")}
            </MenuItem>
          ),
        })}
      />
    </Section>
  );
}

/** Each kind of route counts for itself: the fullest bucket says how near the limit is. */
const mostUsed = (m: ModelLimit, figure: Figure) => Math.max(0, ...m.used.map((u) => u[usedOf[figure]]));
const shareOf = (m: ModelLimit, figure: Figure) => (m[figure] > 0 ? mostUsed(m, figure) / m[figure] : -1);

function Used({ of, figure }: { of: ModelLimit; figure: Figure }) {
  const { t } = useTranslation();
  const most = of[figure];
  if (most === 0) return <span className="text-muted-foreground">–</span>;
  const used = mostUsed(of, figure);
  const text = t("limits.used", { used: formatNumber(used), of: formatNumber(most) });
  return (
    <span className="grid gap-1 md:ms-auto md:w-32">
      <span className="tabular-nums" title={text}>
        <span className="font-medium">{formatNumber(used)}</span>
        <span className="text-muted-foreground"> / {formatNumber(most)}</span>
      </span>
      <Meter
        label={`${of.model}, ${t(`limits.fields.${figure}`)}: ${text}`}
        share={Math.min(1, used / most)}
      />
    </span>
  );
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ChevronLeft, ChevronRight, Download, X, ZoomOut } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { download } from "@/api/client";
import { actingHeaders } from "@/api/acting";
import { Page } from "@/components/console/Page";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { Select } from "@/components/ui/select";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { toast } from "@/components/ui/toaster";
import { dimensions, exportPath, filterParams, isFilter, newestQuery, usageKey } from "./api";
import { ActivityTab, CostTab, LatencyTab } from "./Charts";
import { Breakdown } from "./Breakdown";
import { useLabels } from "./labels";
import { isNow, months, outside, shift } from "./period";
import { RequestsTable } from "./RequestsTable";
import { time, titleOf } from "./time";
import { tabs, type Tab, type UsageState, useUsageState } from "./useUsageState";

/** What was used and what it cost: by month, day or hour, by what one chooses, down to single requests. */
export function UsagePage() {
  const { t } = useTranslation();
  const state = useUsageState();
  const { tab, period, at, set } = state;
  useLive(state);
  const step = { month: 86_400, day: 3600, hour: 60 }[period.unit];
  const span = at === null ? period : { start: at, end: at + step };
  return (
    <Page title={t("usage.title")} lead={t("usage.lead")} action={<ExportMenu state={state} />}>
      <div className="flex flex-wrap items-center gap-x-6 gap-y-3">
        <PeriodBar state={state} />
        <FilterBar state={state} />
      </div>
      <Tabs
        value={tab}
        onValueChange={(next) => set({ tab: next === "cost" ? undefined : next })}
        className="grid gap-5 *:min-w-0"
      >
        <TabsList aria-label={t("usage.what")} className="overflow-x-auto">
          {tabs.map((name) => (
            <TabsTrigger key={name} value={name}>
              {t(`usage.tabs.${name}`)}
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value={tab} className="grid gap-6 *:min-w-0">
          <Shown tab={tab} state={state} />
          {(tab === "requests" || at !== null) && <RequestsTable state={state} span={span} />}
          {tab !== "requests" && tab !== "latency" && <Breakdown state={state} />}
        </TabsContent>
      </Tabs>
    </Page>
  );
}

function Shown({ tab, state }: { tab: Tab; state: UsageState }) {
  if (tab === "cost") return <CostTab state={state} />;
  if (tab === "activity") return <ActivityTab state={state} />;
  if (tab === "latency") return <LatencyTab state={state} />;
  return null;
}

/** New requests show as they come in: the newest one's id is asked for each second, all else when it has changed. */
function useLive({ period, filters }: UsageState) {
  const queries = useQueryClient();
  const { data: newest } = useQuery(newestQuery(period, filters, isNow(period)));
  useEffect(() => {
    if (newest === undefined) return;
    const refresh = () => {
      void queries.invalidateQueries({ queryKey: [...usageKey, "sums"] });
      void queries.invalidateQueries({ queryKey: [...usageKey, "requests"] });
    };
    refresh();
    // Sums follow the rows within a second.
    const later = setTimeout(refresh, 1100);
    return () => clearTimeout(later);
  }, [newest, queries]);
}

function PeriodBar({ state: { period, set } }: { state: UsageState }) {
  const { t } = useTranslation();
  const go = (text: string) => set({ t: text, at: undefined });
  const back = outside(period);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Button
        variant="outline"
        size="icon"
        aria-label={t(`usage.previous.${period.unit}`)}
        onClick={() => go(shift(period, -1))}
      >
        <ChevronLeft aria-hidden />
      </Button>
      {period.unit === "month" ? (
        <Select
          aria-label={t("usage.month")}
          className="min-w-44 text-sm [&>select]:h-9"
          value={period.text}
          onChange={(event) => go(event.target.value)}
        >
          {months(period).map((text) => (
            <option key={text} value={text}>
              {time.month(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5)) - 1) / 1000)}
            </option>
          ))}
        </Select>
      ) : (
        <p className="grid h-9 min-w-44 place-items-center rounded-lg border border-input px-3 text-sm font-medium tabular-nums">
          {titleOf(period)}
        </p>
      )}
      <Button
        variant="outline"
        size="icon"
        aria-label={t(`usage.next.${period.unit}`)}
        onClick={() => go(shift(period, 1))}
      >
        <ChevronRight aria-hidden />
      </Button>
      {period.unit === "day" && (
        <input
          type="date"
          aria-label={t("usage.day")}
          value={period.text}
          onChange={(event) => event.target.value !== "" && go(event.target.value)}
          className="h-9 rounded-lg border border-input bg-background px-2.5 text-sm outline-none focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25"
        />
      )}
      {back !== null && (
        <Button variant="ghost" onClick={() => go(back)}>
          <ZoomOut aria-hidden />
          {t(`usage.out.${period.unit as "day" | "hour"}`)}
        </Button>
      )}
      <span className="text-sm text-muted-foreground">UTC</span>
    </div>
  );
}

function FilterBar({ state: { tab, group, filters, set } }: { state: UsageState }) {
  const { t } = useTranslation();
  const labelOf = useLabels();
  const active = Object.entries(filters);
  const grouped = tab === "cost" || tab === "activity";
  if (!grouped && active.length === 0) return null;
  return (
    <div className="flex flex-wrap items-center gap-2">
      {grouped && (
        <Select
          aria-label={t("usage.groupBy")}
          className="text-sm [&>select]:h-9"
          value={group}
          onChange={(event) =>
            set({ group: event.target.value === "model" ? undefined : event.target.value })
          }
        >
          {dimensions.map((d) => (
            <option key={d} value={d}>
              {t("usage.by", { what: t(`usage.dimensions.${d}`) })}
            </option>
          ))}
        </Select>
      )}
      {active.map(([d, value]) =>
        isFilter(d) ? (
          <button
            key={d}
            type="button"
            onClick={() => set({ [d]: undefined })}
            aria-label={t("usage.removeFilter", {
              what: t(`usage.dimensions.${d}`),
              value: labelOf(d, value),
            })}
            className="inline-flex h-9 max-w-full items-center gap-1.5 rounded-lg border bg-bubble px-3 text-sm hover:border-input"
          >
            <span className="text-muted-foreground">{t(`usage.dimensions.${d}`)}</span>
            <span className="truncate font-medium">{labelOf(d, value)}</span>
            <X aria-hidden className="size-3.5 shrink-0" />
          </button>
        ) : null,
      )}
      {active.length > 1 && (
        <Button
          variant="ghost"
          size="sm"
          onClick={() => set(Object.fromEntries(Object.keys(filterParams).map((d) => [d, undefined])))}
        >
          {t("usage.clearFilters")}
        </Button>
      )}
    </div>
  );
}

function ExportMenu({ state: { period, filters } }: { state: UsageState }) {
  const { t } = useTranslation();
  const save = (format: "csv" | "json") => {
    const path = exportPath(period, filters, format);
    const name = `usage-${period.text}.${format}`;
    if (Object.keys(actingHeaders()).length === 0) {
      // The browser writes it to the disk as it comes, however long it is.
      const link = document.createElement("a");
      link.href = path;
      link.download = name;
      link.click();
      return;
    }
    download(path, name).catch((error: unknown) =>
      toast(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="outline">
          <Download aria-hidden />
          {t("usage.export")}
        </Button>
      </MenuTrigger>
      <MenuContent align="end">
        <MenuItem onSelect={() => save("csv")}>CSV</MenuItem>
        <MenuItem onSelect={() => save("json")}>JSON</MenuItem>
      </MenuContent>
    </Menu>
  );
}

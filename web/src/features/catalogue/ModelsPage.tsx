import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Card, Page } from "@/components/console/Page";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Tabs, TabsContent, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { formatBytes, formatPercent } from "@/lib/format";
import { managedQuery } from "./api";
import { Installed } from "./Installed";
import { Offers } from "./Offers";
import { PullForm } from "./PullForm";
import { PullList } from "./PullList";
import { Remotes } from "./Remotes";

const tabs = ["installed", "catalog", "remotes"] as const;

/** The models of this machine: what is here and what it does, what can be pulled, and servers elsewhere. */
export function ModelsPage() {
  const { t } = useTranslation();
  const [params, change] = useParamsState();
  const pull = useDialogParam("pull");
  const tab = tabs.find((name) => name === params.tab) ?? "installed";
  return (
    <Page
      title={t("catalogue.title")}
      lead={t("catalogue.lead")}
      action={
        <Button onClick={() => pull.show()}>
          <Download aria-hidden />
          {t("catalogue.pull")}
        </Button>
      }
    >
      <PullList />
      <Tabs
        value={tab}
        onValueChange={(next) =>
          change({
            tab: next === "installed" ? undefined : next,
            q: undefined,
            sort: undefined,
            page: undefined,
            kind: undefined,
          })
        }
        className="grid gap-5 *:min-w-0"
      >
        <TabsList aria-label={t("catalogue.what")} className="overflow-x-auto">
          {tabs.map((name) => (
            <TabsTrigger key={name} value={name}>
              {t(`catalogue.tabs.${name}`)}
            </TabsTrigger>
          ))}
        </TabsList>
        <TabsContent value="installed" className="grid gap-4 *:min-w-0">
          <Memory />
          <Installed onPull={() => pull.show()} />
        </TabsContent>
        <TabsContent value="catalog">
          <Offers onPull={(name) => pull.show(name)} />
        </TabsContent>
        <TabsContent value="remotes">
          <Remotes />
        </TabsContent>
      </Tabs>
      <Dialog open={pull.open} onOpenChange={(open) => !open && pull.close()}>
        {pull.open && <PullForm subject={pull.subject ?? ""} onDone={pull.close} />}
      </Dialog>
    </Page>
  );
}

/** How much of the memory for models is taken. */
function Memory() {
  const { t } = useTranslation();
  const { data } = useQuery(managedQuery);
  const [used, budget] = [data?.memory_used_bytes ?? 0, data?.memory_budget_bytes ?? 0];
  const share = budget > 0 ? used / budget : 0;
  return (
    <Card className="grid gap-2 text-sm">
      <div className="flex flex-wrap justify-between gap-x-6 gap-y-1">
        <span className="font-medium">{t("catalogue.memory")}</span>
        <span className="min-h-5 text-muted-foreground">
          {data &&
            (budget > 0
              ? t("catalogue.memoryUsed", {
                  used: formatBytes(used),
                  budget: formatBytes(budget),
                  total: formatBytes(data.machine_memory_bytes),
                })
              : t("catalogue.memoryFree", { used: formatBytes(used) }))}
        </span>
      </div>
      <div
        role="meter"
        aria-label={t("catalogue.memory")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.min(100, Math.round(share * 100))}
        aria-valuetext={formatPercent(share)}
        className="h-2 overflow-hidden rounded-full bg-muted"
      >
        <div
          className={share > 1 ? "h-full bg-danger" : "h-full bg-primary"}
          style={{ width: `${Math.min(100, share * 100)}%` }}
        />
      </div>
    </Card>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Download, LibraryBig } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/console/Badge";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { formatBytes, formatCompact, formatNumber } from "@/lib/format";
import { type Offer, offersQuery } from "./api";

/** What can be pulled, and whether it fits this machine. */
export function Offers({ onPull }: { onPull: (name: string) => void }) {
  const { t } = useTranslation();
  const query = useQuery(offersQuery);
  const columns: Column<Offer>[] = [
    {
      id: "name",
      header: t("catalogue.model"),
      cell: (offer) => (
        <span className="grid gap-1">
          <span className="[overflow-wrap:anywhere]">{offer.title}</span>
          <span className="font-mono text-xs [overflow-wrap:anywhere] text-muted-foreground">
            {offer.name}
          </span>
          <span className="flex flex-wrap gap-1">
            <Badge>{t(`catalogue.kinds.${offer.kind as "chat"}`, { defaultValue: offer.kind })}</Badge>
            {offer.recommended && <Badge tone="good">{t("catalogue.recommended")}</Badge>}
            {offer.gated && <Badge tone="warning">{t("catalogue.termsFirst")}</Badge>}
          </span>
        </span>
      ),
      value: (offer) => offer.title,
      text: (offer) =>
        `${offer.title} ${offer.name} ${offer.kind} ${offer.notes ?? ""} ${offer.languages.join(" ")}`,
    },
    {
      id: "memory",
      header: t("catalogue.memoryShort"),
      align: "end",
      cell: (offer) =>
        offer.memory_bytes === undefined ? (
          "–"
        ) : (
          <span className="grid justify-items-end gap-0.5 max-md:justify-items-start">
            {formatBytes(offer.memory_bytes)}
            <span className={offer.fits ? "text-xs text-muted-foreground" : "text-xs text-danger"}>
              {t(offer.fits ? "catalogue.fits" : "catalogue.doesNotFit")}
            </span>
          </span>
        ),
      value: (offer) => offer.memory_bytes ?? null,
    },
    {
      id: "parameters",
      header: t("catalogue.parameters"),
      align: "end",
      cell: (offer) => (offer.parameters === undefined ? "–" : formatCompact(offer.parameters)),
      value: (offer) => offer.parameters ?? null,
      wideOnly: true,
    },
    {
      id: "window",
      header: t("catalogue.window"),
      align: "end",
      cell: (offer) => (offer.context_window === undefined ? "–" : formatNumber(offer.context_window)),
      value: (offer) => offer.context_window ?? null,
    },
    {
      id: "licence",
      header: t("catalogue.licence"),
      cell: (offer) => (
        <span className="grid gap-0.5">
          <span className="[overflow-wrap:anywhere]">{offer.licence}</span>
          {!offer.tried && (
            <span className="text-xs text-muted-foreground" title={t("catalogue.neverTriedHint")}>
              {t("catalogue.neverTried")}
            </span>
          )}
        </span>
      ),
      value: (offer) => offer.licence,
    },
    {
      id: "pull",
      header: t("catalogue.pullColumn"),
      align: "end",
      cell: (offer) =>
        offer.installed ? (
          <span className="text-muted-foreground">{t("catalogue.isInstalled")}</span>
        ) : (
          <Button
            variant="outline"
            size="sm"
            aria-label={t("catalogue.pullNamed", { name: offer.name })}
            onClick={() => onPull(offer.name)}
          >
            <Download aria-hidden />
            {t("catalogue.pullShort")}
          </Button>
        ),
    },
  ];
  return (
    <DataTable
      label={t("catalogue.tabs.catalog")}
      columns={columns}
      rows={query.data}
      error={query.error}
      onRetry={() => void query.refetch()}
      rowKey={(offer) => offer.name}
      search
      filters={[
        {
          id: "kind",
          label: t("catalogue.kind"),
          options: [...new Set(query.data?.map((o) => o.kind))].map((value) => ({
            value,
            label: t(`catalogue.kinds.${value as "chat"}`, { defaultValue: value }),
          })),
          matches: (offer, value) => offer.kind === value,
        },
        {
          id: "fit",
          label: t("catalogue.size"),
          options: [{ value: "yes", label: t("catalogue.fits") }],
          matches: (offer) => offer.fits,
        },
      ]}
      empty={<Empty icon={LibraryBig} title={t("catalogue.noOffers")} />}
    />
  );
}

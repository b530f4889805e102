import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Card, Details, Page, Section } from "@/components/console/Page";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Notice } from "@/components/ui/notice";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { KeepingSection } from "@/features/usage/KeepingSection";
import { formatBytes, formatNumber, formatTime } from "@/lib/format";
import { retentionQuery } from "./api";
import { InstallationData } from "./InstallationData";
import { Proofs } from "./Proofs";
import { RetentionForm } from "./RetentionForm";
import { Sharing } from "./Sharing";

/** What becomes of what the organization's programs send: how long it is kept, what is kept now, what was deleted. */
export function DataPage() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const query = useQuery(retentionQuery);
  const log = useMay("audit.read");
  const operator = useMay("operator");
  const kept = query.data;
  return (
    <Page
      title={t("retention.title")}
      lead={t("retention.lead", { organization: session?.organization.name ?? "" })}
    >
      {query.error && <ErrorBox error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <SkeletonLines lines={6} />}
      {kept && (
        <>
          {kept.warnings.length > 0 && (
            <Section title={t("retention.warnings")} lead={t("retention.warningsHint")}>
              {kept.warnings.map((warning) => (
                <Notice key={warning.request_id} tone="warning">
                  <div className="min-w-0 [overflow-wrap:anywhere]">
                    <p className="text-foreground">{warning.message}</p>
                    <p className="text-xs">
                      {t("retention.warningOf", {
                        time: formatTime(warning.at),
                        request: warning.request_id,
                      })}
                    </p>
                  </div>
                </Notice>
              ))}
            </Section>
          )}
          <Section title={t("retention.stored")}>
            <Details
              rows={[
                [t("retention.requests"), formatNumber(kept.stored.requests)],
                [t("retention.size"), `${formatBytes(kept.stored.bytes)} · ${t("retention.sizeHint")}`],
                [
                  t("retention.oldest"),
                  kept.stored.oldest_at === null ? t("retention.none") : formatTime(kept.stored.oldest_at),
                ],
                [t("retention.readers"), t("retention.readersText")],
                [t("retention.cut"), t("retention.cutText", { size: formatBytes(kept.max_body_bytes) })],
              ]}
            />
          </Section>
          <Section title={t("retention.howLong")} lead={t("retention.howLongHint")}>
            <Card>
              <RetentionForm key={`${kept.organization_days ?? "-"}`} of={kept} />
            </Card>
          </Section>
          <Section title={t("sharing.title")}>
            <Card>
              <Sharing of={kept} />
            </Card>
          </Section>
        </>
      )}
      {log && (
        <Section title={t("retention.proofs")} lead={t("retention.proofsHint")}>
          <Proofs />
        </Section>
      )}
      {operator && <InstallationData />}
      {operator && <KeepingSection />}
    </Page>
  );
}

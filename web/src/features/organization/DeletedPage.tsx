import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { Details } from "@/components/console/Page";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Logo } from "@/components/logo";
import { formatNumber, formatTime } from "@/lib/format";
import { type Deletion, deletionQuery } from "./api";

/** How far a deletion is, for who asked for it and is signed out now: the address is the receipt. */
export function DeletedPage() {
  const { t } = useTranslation();
  const { deletionId } = useParams({ from: "/deleted/$deletionId" });
  const { data: deletion, error, refetch } = useQuery(deletionQuery(deletionId));
  const kind = deletion?.kind ?? "account";
  const title =
    deletion?.state === "done" ? t(`organization.deleted.${kind}Done`) : t(`organization.deleted.${kind}`);
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
  return (
    <main className="flex min-h-dvh items-center justify-center bg-surface p-4">
      <div className="grid w-full max-w-lg gap-5 rounded-3xl border bg-card p-7 shadow-panel *:min-w-0 md:p-9">
        <div>
          <Logo className="size-11" />
          <h1 className="mt-5 text-2xl font-semibold tracking-tight">{title}</h1>
          <p className="mt-2 text-muted-foreground">{t("organization.deleted.lead")}</p>
        </div>
        <ErrorBox error={deletion ? null : error} onRetry={() => void refetch()} />
        {deletion ? <Progress deletion={deletion} /> : !error && <SkeletonLines lines={4} />}
        <Link to="/signin" className="w-fit rounded text-sm underline underline-offset-4">
          {t("organization.deleted.signIn")}
        </Link>
      </div>
    </main>
  );
}

function Progress({ deletion }: { deletion: Deletion }) {
  const { t } = useTranslation();
  const done = deletion.state === "done";
  const rows = Object.values(deletion.rows).reduce((sum, n) => sum + n, 0);
  return (
    <div role="status">
      <Details
        rows={[
          [
            t("organization.deleted.state"),
            <Status key="state" tone={done ? "good" : "neutral"}>
              {done ? t("organization.deleted.done") : t("organization.deleted.running")}
            </Status>,
          ],
          [t("organization.deleted.rows"), formatNumber(rows)],
          ...(deletion.finished_at === null
            ? []
            : ([[t("organization.deleted.finished"), formatTime(deletion.finished_at)]] satisfies [
                string,
                string,
              ][])),
          [t("organization.deleted.receipt"), <code key="id">{deletion.id}</code>],
        ]}
      />
    </div>
  );
}

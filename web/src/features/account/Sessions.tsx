import { useQuery, useQueryClient } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/console/Badge";
import { Confirm } from "@/components/console/Confirm";
import { type Column, DataTable } from "@/components/console/DataTable";
import { Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Empty } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { MenuItem } from "@/components/ui/menu";
import { formatAgo, formatTime } from "@/lib/format";
import { type AccountSession, endOthers, endSession, sessionsQuery } from "./api";
import { deviceOf } from "./device";

/** Where one is signed in. */
export function Sessions() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const query = useQuery(sessionsQuery);
  const all = useDialogParam("end-others");
  const [ending, setEnding] = useState<AccountSession | null>(null);
  const name = (session: AccountSession) => deviceOf(session.user_agent) || t("account.unknownDevice");
  const again = () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey });

  const columns: Column<AccountSession>[] = [
    {
      id: "device",
      header: t("account.device"),
      cell: (session) => (
        <span className="flex flex-wrap items-center gap-2" title={session.user_agent}>
          {name(session)}
          {session.current && <Badge tone="good">{t("account.thisBrowser")}</Badge>}
        </span>
      ),
      value: name,
    },
    {
      id: "address",
      header: t("account.address"),
      cell: (session) => session.ip_address || "–",
      value: (session) => session.ip_address,
    },
    {
      id: "seen",
      header: t("account.lastSeen"),
      nowrap: true,
      cell: (session) => (
        <span title={formatTime(session.last_seen_at)}>{formatAgo(session.last_seen_at)}</span>
      ),
      value: (session) => session.last_seen_at,
    },
    {
      id: "method",
      header: t("account.began"),
      cell: (session) =>
        t(session.second_factor && session.method !== "sso" ? "account.beganStrong" : "account.beganAgo", {
          method: t(`account.method.${session.method}`),
          ago: formatAgo(session.created_at),
        }),
      value: (session) => session.created_at,
    },
  ];
  return (
    <Section
      title={t("account.sessions")}
      lead={t("account.sessionsLead")}
      action={
        (query.data?.length ?? 0) > 1 && (
          <Button variant="outline" onClick={() => all.show()}>
            <LogOut aria-hidden />
            {t("account.endOthers")}
          </Button>
        )
      }
    >
      <DataTable
        label={t("account.sessions")}
        columns={columns}
        rows={query.data}
        error={query.error}
        onRetry={() => void query.refetch()}
        rowKey={(session) => session.id}
        rowName={name}
        sort="-seen"
        prefix="s-"
        actions={(session) =>
          session.current ? null : (
            <MenuItem danger onSelect={() => setEnding(session)}>
              <LogOut aria-hidden />
              {t("account.end")}
            </MenuItem>
          )
        }
        empty={<Empty title={t("account.noSessions")} />}
      />
      <Confirm
        open={ending !== null}
        onOpenChange={(open) => !open && setEnding(null)}
        title={t("account.endTitle")}
        text={t("account.endText", { device: ending ? name(ending) : "" })}
        confirm={t("account.end")}
        onConfirm={async () => {
          if (ending) await endSession(ending.id);
          await again();
        }}
      />
      <Confirm
        open={all.open}
        onOpenChange={(open) => !open && all.close()}
        title={t("account.endOthers")}
        text={t("account.endOthersText")}
        confirm={t("account.endOthers")}
        onConfirm={async () => {
          await endOthers();
          await again();
        }}
      />
    </Section>
  );
}

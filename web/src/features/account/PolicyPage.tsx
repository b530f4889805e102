import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { CheckField } from "@/components/console/fields";
import { Card, Page } from "@/components/console/Page";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { toast } from "@/components/ui/toaster";
import { useMay } from "@/features/session/may";
import { sessionKey, sessionQuery } from "@/features/session/api";
import { accountKey, policyKey, policyQuery, requireFactor } from "./api";

/** What the organization asks of its members when they sign in. */
export function PolicyPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: policy, error, refetch } = useQuery(policyQuery);
  const { data: session } = useQuery(sessionQuery);
  const write = useMay("organization.write");
  const [asking, ask] = useState(false);
  const set = useMutation({
    mutationFn: requireFactor,
    onSuccess: (changed) => {
      client.setQueryData(policyKey, changed);
      // Whoever has none may go on with their own account alone, the one who asked included.
      void client.invalidateQueries({ queryKey: sessionKey });
      void client.invalidateQueries({ queryKey: accountKey });
      toast(changed.require_second_factor ? t("account.nowRequired") : t("account.notRequired"));
    },
  });
  return (
    <Page
      title={t("account.policyTitle")}
      lead={t("account.policyLead", { organization: session?.organization.name ?? "" })}
    >
      <ErrorBox error={policy ? set.error : error} onRetry={policy ? undefined : () => void refetch()} />
      {policy ? (
        <Card>
          <CheckField
            label={t("account.require")}
            hint={t("account.requireHint")}
            checked={policy.require_second_factor}
            disabled={!write || set.isPending}
            onChange={(on) => (on ? ask(true) : set.mutate(false))}
          />
        </Card>
      ) : (
        !error && <SkeletonLines />
      )}
      <Confirm
        open={asking}
        onOpenChange={ask}
        title={t("account.requireTitle")}
        text={t("account.requireText")}
        confirm={t("account.requireConfirm")}
        danger={false}
        onConfirm={() => set.mutateAsync(true)}
      />
    </Page>
  );
}

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { CheckField } from "@/components/console/fields";
import { ErrorBox } from "@/components/console/states";
import { toast } from "@/components/ui/toaster";
import { useMay } from "@/features/session/may";
import { formatTime } from "@/lib/format";
import { type Retention, retentionKey, setRetention } from "./api";

/** Whether what is kept may be used for training. Off until an owner says so. */
export function Sharing({ of }: { of: Retention }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const write = useMay("retention.write");
  const [asking, ask] = useState(false);
  const set = useMutation({
    mutationFn: (share: boolean) => setRetention({ days: of.organization_days, share_for_training: share }),
    onSuccess: async (now) => {
      await client.invalidateQueries({ queryKey: retentionKey });
      toast(now.share_for_training ? t("sharing.isOn") : t("sharing.isOff"));
    },
  });
  return (
    <div className="grid gap-3">
      <CheckField
        label={t("sharing.label")}
        hint={of.days === 0 ? t("sharing.nothingKept") : t("sharing.hint")}
        checked={of.share_for_training}
        disabled={!write || set.isPending || (of.days === 0 && !of.share_for_training)}
        onChange={(on) => (on ? ask(true) : set.mutate(false))}
      />
      {of.shared_since !== null && (
        <p className="text-sm text-muted-foreground">
          {t("sharing.since", { time: formatTime(of.shared_since) })}
        </p>
      )}
      <ErrorBox error={asking ? null : set.error} title={t("sharing.failed")} />
      <Confirm
        open={asking}
        onOpenChange={ask}
        title={t("sharing.confirmTitle")}
        text={t("sharing.confirmText")}
        confirm={t("sharing.confirm")}
        danger={false}
        onConfirm={() => set.mutateAsync(true)}
      />
    </div>
  );
}

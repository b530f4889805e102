import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { actAs } from "@/api/acting";
import { Confirm } from "@/components/console/Confirm";
import { useDialogParam } from "@/components/console/search";
import { sessionQuery } from "@/features/session/api";
import { leave } from "./api";

/** Leaving the organization, from wherever in the console one is (`?dialog=leave`). */
export function LeaveDialog() {
  const { t } = useTranslation();
  const dialog = useDialogParam("leave");
  const { data: session } = useQuery(sessionQuery);
  const organization = session?.organization.name ?? "";
  return (
    <Confirm
      open={dialog.open}
      onOpenChange={(open) => !open && dialog.close()}
      title={t("members.leaveTitle", { organization })}
      text={t("members.leaveText")}
      confirm={t("members.leave")}
      phrase={organization}
      onConfirm={async () => {
        await leave();
        actAs(null);
        window.location.assign("/");
      }}
    />
  );
}

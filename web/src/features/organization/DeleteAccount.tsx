import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Section } from "@/components/console/Page";
import { useDialogParam } from "@/components/console/search";
import { Button } from "@/components/ui/button";
import { accountQuery } from "@/features/account/api";
import { DeleteDialog } from "./DeleteDialog";
import { deleteAccount } from "./api";

/** The end of one's account. */
export function DeleteAccount() {
  const { t } = useTranslation();
  const { data: account } = useQuery(accountQuery);
  const dialog = useDialogParam("delete-account");
  if (!account) return null;
  const phrase = account.email === "" ? account.name : account.email;
  return (
    <Section title={t("organization.account.title")} lead={t("organization.account.lead")}>
      <div>
        <Button variant="danger" onClick={() => dialog.show()}>
          {t("organization.account.delete")}
        </Button>
      </div>
      <DeleteDialog
        open={dialog.open}
        title={t("organization.account.deleteTitle")}
        text={t("organization.account.deleteText")}
        submit={t("organization.account.delete")}
        phrase={phrase}
        account={account}
        onClose={dialog.close}
        onDelete={(password) => deleteAccount(phrase, password)}
      />
    </Section>
  );
}

import { useTranslation } from "react-i18next";
import { TextField } from "@/components/console/fields";
import { PasswordField } from "@/components/console/PasswordField";
import type { Account, Proof } from "./api";

/** Whether the server wants the present password before it changes who can sign in. */
export function wantsPassword(account: Account): boolean {
  return account.password_set_at !== null && !account.fresh;
}

/** What one shows again: the present password, and with `code` a code of the second factor where one is on. */
export function ProofFields({
  account,
  value,
  onChange,
  code = false,
}: {
  account: Account;
  value: Proof;
  onChange: (value: Proof) => void;
  code?: boolean;
}) {
  const { t } = useTranslation();
  return (
    <>
      {wantsPassword(account) && (
        <PasswordField
          label={t("account.currentPassword")}
          value={value.current_password}
          onChange={(current_password) => onChange({ ...value, current_password })}
          autoComplete="current-password"
        />
      )}
      {code && account.second_factor_since !== null && (
        <TextField
          label={t("session.code")}
          hint={t("session.codeHint")}
          value={value.code}
          onChange={(next) => onChange({ ...value, code: next })}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
        />
      )}
    </>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { TextField } from "@/components/console/fields";
import { PasswordField } from "@/components/console/PasswordField";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { providerQuery } from "@/features/sso/api";
import type { Account, Proof } from "./api";

/** Whether somebody without a password signed in too long ago: the server wants them to do so again before it changes who can sign in. */
export function wantsSignIn(account: Account): boolean {
  return account.password_set_at === null && !account.fresh;
}

/** Whether the server wants the present password before it changes who can sign in. */
export function wantsPassword(account: Account): boolean {
  return account.password_set_at !== null && !account.fresh;
}

/** Whether something is missing still that the server will want. */
export function lacksProof(account: Account, proof: Proof): boolean {
  return wantsSignIn(account) || (wantsPassword(account) && proof.current_password === "");
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
  const { data: provider } = useQuery({ ...providerQuery, enabled: wantsSignIn(account) });
  return (
    <>
      {wantsSignIn(account) && (
        <Notice tone="warning">
          <p className="min-w-0 grow basis-56">{t("account.signInAgain")}</p>
          {provider?.enabled && (
            // A page of the server, not of the app: it leads away.
            <Button variant="outline" size="sm" className="text-foreground" asChild>
              <a href={`${provider.url}?next=${encodeURIComponent(window.location.pathname)}`}>
                {provider.name === "" ? t("sso.signIn") : t("sso.signInWith", { name: provider.name })}
              </a>
            </Button>
          )}
        </Notice>
      )}
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

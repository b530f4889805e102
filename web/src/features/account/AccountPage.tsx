import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Status } from "@/components/console/Badge";
import { Page, Section } from "@/components/console/Page";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { ErrorBox, SkeletonLines, useErrorText } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toaster";
import { DeleteAccount } from "@/features/organization/DeleteAccount";
import { sessionKey, sessionQuery } from "@/features/session/api";
import { Identities } from "@/features/sso/Identities";
import { formatDate } from "@/lib/format";
import { type Account, accountKey, accountQuery, confirmEmail, updateAccount } from "./api";
import { EnrolDialog, RecoveryDialog, RemoveDialog } from "./FactorDialogs";
import { PasswordDialog } from "./PasswordDialog";
import { ProfileDialog } from "./ProfileDialog";
import { Sessions } from "./Sessions";

/** One's own account: who one is, and how one signs in. */
export function AccountPage() {
  const { t } = useTranslation();
  const { data: account, error, refetch } = useQuery(accountQuery);
  const { data: session } = useQuery(sessionQuery);
  const [params] = useParamsState();
  const confirmed = useConfirmedEmail(params.confirm);
  return (
    <Page title={t("account.title")} lead={t("account.lead")}>
      <ErrorBox error={confirmed} title={t("account.notConfirmedEmail")} />
      {session?.held === "second_factor" && (
        <Notice tone="warning" role="alert" className="block">
          <p className="font-medium">{t("account.heldTitle", { organization: session.organization.name })}</p>
          <p>{t("account.heldText")}</p>
        </Notice>
      )}
      {params.welcome !== undefined && account?.password_set_at === null && (
        <Notice role="status" className="block">
          <p className="font-medium">{t("account.welcomeTitle")}</p>
          <p>{t("account.welcomeText")}</p>
        </Notice>
      )}
      <ErrorBox error={account ? null : error} onRetry={() => void refetch()} />
      {account ? <Parts account={account} /> : !error && <SkeletonLines lines={8} />}
      <Identities />
      <Sessions />
      <DeleteAccount />
    </Page>
  );
}

function Parts({ account }: { account: Account }) {
  const { t } = useTranslation();
  const profile = useDialogParam("profile");
  const password = useDialogParam("password");
  const setUp = useDialogParam("second-factor");
  const codes = useDialogParam("recovery-codes");
  const off = useDialogParam("remove-second-factor");
  const on = account.second_factor_since !== null;
  return (
    <>
      <Section title={t("account.profile")}>
        <Rows>
          <Row
            label={t("account.name")}
            action={<Edit onClick={() => profile.show()}>{t("account.editProfile")}</Edit>}
          >
            {account.name}
          </Row>
          <Row
            label={t("account.email")}
            action={account.email !== "" && account.mail && <ConfirmAddress account={account} />}
          >
            {account.email || t("account.noEmail")}
            {account.email !== "" && account.email_verified_at === null && (
              <p className="text-sm text-muted-foreground">{t("account.unconfirmed")}</p>
            )}
          </Row>
        </Rows>
      </Section>
      <Section title={t("account.signIn")} lead={account.email === "" ? t("account.needsEmail") : undefined}>
        <Rows>
          <Row
            label={t("session.password")}
            action={
              <Edit onClick={() => password.show()}>
                {account.password_set_at === null ? t("account.setPassword") : t("account.changePassword")}
              </Edit>
            }
          >
            {account.password_set_at === null
              ? t("account.noPassword")
              : t("account.passwordSince", { date: formatDate(account.password_set_at) })}
          </Row>
          <Row
            label={t("account.factor")}
            action={
              <>
                <Edit onClick={() => setUp.show()}>{on ? t("account.setUpAnew") : t("account.setUp")}</Edit>
                {on && account.second_factor_required_by.length === 0 && (
                  <Edit onClick={() => off.show()}>{t("account.turnOff")}</Edit>
                )}
              </>
            }
          >
            {account.second_factor_since === null ? (
              <Status tone="neutral">{t("account.factorOff")}</Status>
            ) : (
              <Status tone="good">
                {t("account.factorSince", { date: formatDate(account.second_factor_since) })}
              </Status>
            )}
            {account.second_factor_required_by.length > 0 && (
              <p className="text-sm text-muted-foreground">
                {t("account.requiredBy", { organizations: account.second_factor_required_by.join(", ") })}
              </p>
            )}
          </Row>
          {on && (
            <Row
              label={t("account.codes")}
              action={<Edit onClick={() => codes.show()}>{t("account.newCodes")}</Edit>}
            >
              {t("account.codesLeft", { count: account.recovery_codes_left })}
            </Row>
          )}
        </Rows>
      </Section>
      <ProfileDialog account={account} open={profile.open} onClose={profile.close} />
      <PasswordDialog account={account} open={password.open} onClose={password.close} />
      <EnrolDialog account={account} open={setUp.open} onClose={setUp.close} />
      <RecoveryDialog account={account} open={codes.open && on} onClose={codes.close} />
      <RemoveDialog account={account} open={off.open && on} onClose={off.close} />
    </>
  );
}

/** Sends a link to the address that one has, where nobody has shown yet that it is theirs. */
function ConfirmAddress({ account }: { account: Account }) {
  const { t } = useTranslation();
  const textOf = useErrorText();
  const send = useMutation({
    mutationFn: () => updateAccount({ name: account.name, email: account.email, current_password: "" }),
    onSuccess: () => toast(t("account.mailSent", { email: account.email })),
    onError: (error) => toast(textOf(error), "danger"),
  });
  if (account.email_verified_at !== null) return null;
  return (
    <Button variant="outline" size="sm" onClick={() => send.mutate()} disabled={send.isPending}>
      {t("account.confirmEmail")}
    </Button>
  );
}

/** A link that was sent to a new address brings its token here: it is used at once, and does not stay in the address. */
function useConfirmedEmail(token: string | undefined): unknown {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [, change] = useParamsState();
  const used = useRef(false);
  const confirm = useMutation({
    mutationFn: confirmEmail,
    onSuccess: (account) => {
      client.setQueryData(accountKey, account);
      void client.invalidateQueries({ queryKey: sessionKey });
      toast(t("account.emailConfirmed", { email: account.email }));
    },
  });
  const { mutate } = confirm;
  useEffect(() => {
    if (token === undefined || used.current) return;
    used.current = true;
    mutate(token);
    change({ confirm: undefined });
  }, [token, mutate, change]);
  return confirm.error;
}

function Rows({ children }: { children: ReactNode }) {
  return <dl className="divide-y rounded-xl border bg-card">{children}</dl>;
}

function Row({ label, action, children }: { label: string; action?: ReactNode; children: ReactNode }) {
  return (
    <div className="flex min-h-14 flex-wrap items-center gap-x-6 gap-y-2 px-4 py-2.5">
      <dt className="w-36 shrink-0 text-sm text-muted-foreground">{label}</dt>
      <dd className="min-w-0 grow basis-48 [overflow-wrap:anywhere]">{children}</dd>
      {action !== undefined && <dd className="flex flex-wrap gap-2">{action}</dd>}
    </div>
  );
}

function Edit({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <Button variant="outline" size="sm" onClick={onClick}>
      {children}
    </Button>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { Form } from "@/components/console/fields";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { linkQuery, sessionKey, signIn } from "./api";
import { Frame, Other, SignInPage } from "./SignInPage";
import { takeWaiting } from "./waiting";

type LinkPageProps = {
  /** The link that waits. */
  token: string;
  /** Who is signed in, a name or an address; null: nobody. */
  who: string | null;
  /** Called when the link did its work, with whether it was an invitation, and when one does not use it. */
  onDone: (joined: boolean) => void;
  onStay: () => void;
};

/** A link was opened that somebody else may have made: nothing happens before they say so who opened it. */
export function LinkPage({ token, who, onDone, onStay }: LinkPageProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: link, error, refetch } = useQuery(linkQuery(token));
  const [wantsCode, setWantsCode] = useState(false);
  const joins = token.startsWith("join-");

  const go = useMutation({
    mutationFn: () => signIn({ token }),
    onSuccess: (session) => {
      takeWaiting();
      client.clear(); // what is known is another one's
      client.setQueryData(sessionKey, session);
      onDone(joins);
    },
    onError: (error) => {
      // The page that asks for it finds the link waiting.
      if (error instanceof ApiError && error.code === "code_required") setWantsCode(true);
    },
  });

  if (wantsCode) return <SignInPage expired={false} unreachable={false} onDone={() => onDone(joins)} />;
  const account = link === undefined ? "" : link.email || link.name;
  return (
    <Frame
      title={joins ? t("session.linkJoins") : t("session.linkSignsIn")}
      lead={who === null ? undefined : t("session.linkLead", { who })}
    >
      <ErrorBox error={error} title={t("session.linkFailed")} onRetry={() => void refetch()} />
      {link === undefined && error === null && <SkeletonLines lines={4} />}
      {link !== undefined && (
        <Form
          onSubmit={() => go.mutate()}
          busy={go.isPending}
          error={go.error}
          errorTitle={t("session.linkFailed")}
          submit={t("session.linkGo")}
        >
          <dl className="grid gap-x-4 gap-y-1.5 rounded-xl border bg-muted/40 px-4 py-3 text-sm sm:grid-cols-[auto_1fr]">
            <dt className="text-muted-foreground">{t("session.linkAccount")}</dt>
            <dd className="font-medium [overflow-wrap:anywhere]">{account}</dd>
            <dt className="text-muted-foreground">{t("session.linkOrganization")}</dt>
            <dd className="font-medium [overflow-wrap:anywhere]">{link.organization}</dd>
          </dl>
          <p>{t("session.linkWarning")}</p>
        </Form>
      )}
      <Other
        onClick={() => {
          takeWaiting();
          onStay();
        }}
      >
        {who === null ? t("session.linkLeave") : t("session.linkStay")}
      </Other>
    </Frame>
  );
}

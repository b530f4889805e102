import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { Form } from "@/components/console/fields";
import { sessionKey, signIn } from "./api";
import { Frame, Other, SignInPage } from "./SignInPage";
import { seeWaiting, takeWaiting } from "./waiting";

type LinkPageProps = {
  /** Who is signed in: a name or an address. */
  who: string;
  /** Called when the link did its work, with whether it was an invitation, and when one stays who one is. */
  onDone: (joined: boolean) => void;
  onStay: () => void;
};

/** A link was opened where somebody is signed in: nothing happens before they say so. */
export function LinkPage({ who, onDone, onStay }: LinkPageProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [token] = useState(seeWaiting);
  const [wantsCode, setWantsCode] = useState(false);
  const joins = token?.startsWith("join-") ?? false;

  const go = useMutation({
    mutationFn: (link: string) => signIn({ token: link }),
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
  return (
    <Frame
      title={joins ? t("session.linkJoins") : t("session.linkSignsIn")}
      lead={t("session.linkLead", { who })}
    >
      <Form
        onSubmit={() => {
          if (token !== null) go.mutate(token);
        }}
        busy={go.isPending}
        error={go.error}
        errorTitle={t("session.linkFailed")}
        submit={t("session.linkGo")}
        disabled={token === null}
      >
        <p>{t("session.linkWarning")}</p>
      </Form>
      <Other
        onClick={() => {
          takeWaiting();
          onStay();
        }}
      >
        {t("session.linkStay")}
      </Other>
    </Frame>
  );
}

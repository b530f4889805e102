import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { Form, TextField } from "@/components/console/fields";
import { PasswordField } from "@/components/console/PasswordField";
import { Logo } from "@/components/logo";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { SsoButton } from "@/features/sso/SsoButton";
import { type Credentials, methodsQuery, resetPassword, sessionKey, signIn } from "./api";
import { takeWaiting } from "./waiting";

/** The step after another begins where one types. */
const focus = (input: HTMLInputElement | null) => input?.focus();

type SignInPageProps = {
  expired: boolean;
  unreachable: boolean;
  /** Called when somebody is signed in. */
  onDone: () => void;
};

/** How to get in: by address and password, by a link that Parley prints, and where there is one by a second factor on top. */
export function SignInPage({ expired, unreachable, onDone }: SignInPageProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [step, setStep] = useState<"password" | "code" | "forgot">("password");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const link = useRef<string | null>(null);

  // A link that asks for a code has brought one here.
  useEffect(() => {
    link.current ??= takeWaiting();
    if (link.current !== null) setStep("code");
  }, []);

  const enter = useMutation({
    mutationFn: (given: string) => {
      const by: Credentials = link.current === null ? { email, password } : { token: link.current };
      return signIn(by, given);
    },
    onSuccess: (session) => {
      client.setQueryData(sessionKey, session);
      onDone();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.code === "code_required") setStep("code");
      setCode("");
    },
  });
  const refused =
    enter.error instanceof ApiError && enter.error.code === "code_required" ? null : enter.error;
  const again = () => {
    link.current = null;
    enter.reset();
    setPassword("");
    setStep("password");
  };

  if (step === "code") {
    return (
      <Frame title={t("session.codeTitle")} lead={t("session.codeLead")}>
        <Form
          onSubmit={() => enter.mutate(code)}
          busy={enter.isPending}
          error={refused}
          errorTitle={t("session.notSignedIn")}
          submit={t("session.signIn")}
          disabled={code.trim() === ""}
        >
          <TextField
            label={t("session.code")}
            hint={t("session.codeHint")}
            value={code}
            onChange={setCode}
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            ref={focus}
          />
        </Form>
        <Other onClick={again}>{t("session.back")}</Other>
      </Frame>
    );
  }
  if (step === "forgot") return <Forgot email={email} onEmail={setEmail} onBack={again} />;
  return (
    <Frame title={t("session.title")}>
      {expired && (
        <Notice tone="warning" role="alert" className="block">
          <p className="font-medium">{t("session.expired")}</p>
          <p>{t("session.expiredHint")}</p>
        </Notice>
      )}
      {unreachable && (
        <Notice tone="danger" role="alert">
          {t("session.unreachable")}
        </Notice>
      )}
      <SsoButton />
      <Form
        onSubmit={() => enter.mutate("")}
        busy={enter.isPending}
        error={refused}
        errorTitle={t("session.notSignedIn")}
        submit={t("session.signIn")}
        disabled={email.trim() === "" || password === ""}
      >
        <TextField
          label={t("session.email")}
          type="email"
          value={email}
          onChange={setEmail}
          autoComplete="username"
        />
        <PasswordField
          label={t("session.password")}
          value={password}
          onChange={setPassword}
          autoComplete="current-password"
        />
      </Form>
      <Other onClick={() => setStep("forgot")}>{t("session.forgot")}</Other>
      <section className="grid gap-4 border-t pt-5">
        <h2 className="font-semibold">{t("session.byLink")}</h2>
        <p className="text-muted-foreground">{t("session.lead")}</p>
        <ol className="grid gap-4">
          <Step number={1} text={t("session.stepStart")} command="parley serve" />
          <Step number={2} text={t("session.stepAgain")} command="parley signin" />
        </ol>
        <p className="text-sm text-muted-foreground">{t("session.remote")}</p>
      </section>
    </Frame>
  );
}

/** A link by mail where the server sends mail; else who can make one. The answer never tells whether there is such an account. */
function Forgot({
  email,
  onEmail,
  onBack,
}: {
  email: string;
  onEmail: (email: string) => void;
  onBack: () => void;
}) {
  const { t } = useTranslation();
  const { data: methods, isPending } = useQuery(methodsQuery);
  const send = useMutation({ mutationFn: () => resetPassword(email.trim()) });
  if (isPending) return <Frame title={t("session.forgot")} />;
  return (
    <Frame
      title={t("session.forgot")}
      lead={methods?.mail ? t("session.forgotMail") : t("session.forgotAsk")}
    >
      {methods?.mail && !send.isSuccess && (
        <Form
          onSubmit={() => send.mutate()}
          busy={send.isPending}
          error={send.error}
          submit={t("session.sendLink")}
          disabled={email.trim() === ""}
        >
          <TextField
            label={t("session.email")}
            type="email"
            value={email}
            onChange={onEmail}
            autoComplete="username"
          />
        </Form>
      )}
      {!methods?.mail && (
        <pre className="overflow-x-auto rounded-xl border bg-code px-4 py-2.5 font-mono text-sm">
          parley admin users link USER
        </pre>
      )}
      {send.isSuccess && <Notice role="status">{t("session.linkSent", { email: email.trim() })}</Notice>}
      <Other onClick={onBack}>{t("session.back")}</Other>
    </Frame>
  );
}

export function Frame({ title, lead, children }: { title: string; lead?: string; children?: ReactNode }) {
  return (
    <main className="flex min-h-dvh items-center justify-center bg-surface p-4">
      <div className="grid w-full max-w-md gap-5 rounded-3xl border bg-card p-7 shadow-panel *:min-w-0 md:p-9">
        <div>
          <Logo className="size-11" />
          <h1 className="mt-5 text-2xl font-semibold tracking-tight">{title}</h1>
          {lead !== undefined && <p className="mt-2 text-muted-foreground">{lead}</p>}
        </div>
        {children}
      </div>
    </main>
  );
}

export function Other({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <div>
      <Button variant="ghost" size="sm" className="-ml-2.5" onClick={onClick}>
        {children}
      </Button>
    </div>
  );
}

function Step({ number, text, command }: { number: number; text: string; command: string }) {
  return (
    <li className="flex gap-3.5">
      <span
        aria-hidden
        className="mt-px flex size-6 shrink-0 items-center justify-center rounded-full bg-muted text-xs font-semibold text-muted-foreground"
      >
        {number}
      </span>
      <div className="min-w-0 grow">
        <p>{text}</p>
        <pre className="mt-2 overflow-x-auto rounded-xl border bg-code px-4 py-2.5 font-mono text-sm">
          {command}
        </pre>
      </div>
    </li>
  );
}

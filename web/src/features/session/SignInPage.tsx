import { useTranslation } from "react-i18next";
import { Logo } from "@/components/logo";
import { Notice } from "@/components/ui/notice";

/** How to get in. Parley has no passwords at home: a link that it prints is the key. */
export function SignInPage({ expired, unreachable }: { expired: boolean; unreachable: boolean }) {
  const { t } = useTranslation();
  return (
    <main className="flex min-h-dvh items-center justify-center bg-surface p-4">
      <div className="w-full max-w-md rounded-3xl border bg-card p-7 shadow-panel md:p-9">
        <Logo className="size-11" />
        <h1 className="mt-5 text-2xl font-semibold tracking-tight">{t("session.title")}</h1>
        {expired && (
          <Notice tone="warning" role="alert" className="mt-5 block">
            <p className="font-medium">{t("session.expired")}</p>
            <p>{t("session.expiredHint")}</p>
          </Notice>
        )}
        {unreachable && (
          <Notice tone="danger" role="alert" className="mt-5">
            {t("session.unreachable")}
          </Notice>
        )}
        <p className="mt-4 text-muted-foreground">{t("session.lead")}</p>
        <ol className="mt-6 grid gap-5">
          <Step number={1} text={t("session.stepStart")} command="parley serve" />
          <Step number={2} text={t("session.stepAgain")} command="parley signin" />
        </ol>
        <p className="mt-6 text-sm text-muted-foreground">{t("session.remote")}</p>
      </div>
    </main>
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

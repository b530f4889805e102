import { CloudRain, Code, Lightbulb, PenLine } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { Logo } from "@/components/logo";
import { Pulls } from "@/features/models/Pulls";

const examples = [
  { id: "explain", icon: Lightbulb },
  { id: "write", icon: PenLine },
  { id: "code", icon: Code },
  { id: "plan", icon: CloudRain },
] as const;

/** Before the first message: who will answer, and what could be asked. An example fills the message box. */
export function Welcome({
  model,
  onExample,
}: {
  model: Model | undefined;
  onExample: (text: string) => void;
}) {
  const { t } = useTranslation();
  return (
    <div className="flex min-h-0 grow flex-col overflow-y-auto px-4 md:px-6">
      <div className="m-auto w-full max-w-2xl py-6">
        <Logo className="mx-auto mb-5 size-11" />
        <h1 className="text-center text-2xl font-semibold tracking-tight md:text-[1.75rem]">
          {t("chat.heading")}
        </h1>
        <p className="mt-2 text-center text-muted-foreground">
          {model ? t("chat.headingHint", { model: model.served_model }) : t("chat.headingHintNone")}
        </p>
        <Pulls className="mt-2" />
        <ul className="mt-8 grid gap-2.5 sm:grid-cols-2">
          {examples.map(({ id, icon: Icon }) => (
            <li key={id}>
              <button
                type="button"
                onClick={() => onExample(t(`examples.${id}.prompt`))}
                className="flex h-full w-full gap-3 rounded-2xl border bg-card px-4 py-3.5 text-left transition-colors hover:bg-surface"
              >
                <Icon className="mt-0.5 size-4.5 shrink-0 text-primary" aria-hidden />
                <span>
                  <span className="block text-sm font-medium">{t(`examples.${id}.title`)}</span>
                  <span className="mt-0.5 block text-sm text-muted-foreground">
                    {t(`examples.${id}.prompt`)}
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

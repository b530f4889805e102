import { useQuery } from "@tanstack/react-query";
import { Monitor, Moon, Sun } from "lucide-react";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Choice } from "@/components/ui/toggle-group";
import { command } from "@/features/commands/all";
import { sessionQuery } from "@/features/session/api";
import { PageHeader } from "@/features/shell/PageHeader";
import { languages, type Language } from "@/i18n";
import { useApp } from "@/lib/app";
import { useStore } from "@/lib/store";
import { chooseLanguage, chooseTheme, currentLanguage, preferences, themes } from "./preferences";

const themeIcons = { system: <Monitor />, light: <Sun />, dark: <Moon /> };

export function SettingsPage() {
  const { t } = useTranslation();
  const app = useApp();
  const theme = useStore(preferences, (p) => p.theme);
  const { data: session } = useQuery(sessionQuery);
  const signOut = command("session.signOut");
  const shortcuts = command("view.shortcuts");
  // A newer server may know more roles than this page.
  const roleName = (role: string) =>
    role === "owner" || role === "admin" || role === "member" ? t(`settings.roles.${role}`) : role;

  useEffect(() => {
    document.title = `${t("settings.title")} · ${t("app.name")}`;
  }, [t]);

  return (
    <div className="flex h-full flex-col">
      <PageHeader>
        <h1 className="px-2 text-base font-semibold">{t("settings.title")}</h1>
      </PageHeader>
      <div className="min-h-0 grow overflow-y-auto">
        <div className="mx-auto grid max-w-2xl gap-8 px-4 py-6 md:px-6">
          <Section title={t("settings.appearance")}>
            <Row label={t("settings.theme")} hint={t("settings.themeHint")}>
              <Choice
                label={t("settings.theme")}
                value={theme}
                options={themes.map((value) => ({
                  value,
                  label: t(`settings.themes.${value}`),
                  icon: themeIcons[value],
                }))}
                onChange={chooseTheme}
              />
            </Row>
            <Row label={t("settings.language")} hint={t("settings.languageHint")}>
              <Choice
                label={t("settings.language")}
                value={currentLanguage()}
                options={(Object.keys(languages) as Language[]).map((value) => ({
                  value,
                  label: languages[value].name,
                  lang: value,
                }))}
                onChange={(language) => void chooseLanguage(language)}
              />
            </Row>
          </Section>
          <Section title={t("settings.account")}>
            <Row label={t("settings.name")}>{session?.user.name}</Row>
            <Row label={t("settings.role")}>{session && roleName(session.role)}</Row>
            <Row label={t("settings.organization")}>{session?.organization.name}</Row>
            <Row label={t("settings.project")}>{session?.project.name}</Row>
            <Row label={t("account.title")} hint={t("account.manage")}>
              <Button variant="outline" onClick={() => app.go.console("/account")}>
                {t("account.open")}
              </Button>
            </Row>
          </Section>
          <div className="flex flex-wrap gap-2">
            {[shortcuts, signOut].map((c) => (
              <Button key={c.id} variant="outline" onClick={() => void c.perform(app, { chatId: null })}>
                <c.icon />
                {t(c.label)}
              </Button>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2 className="mb-2 px-1 text-sm font-medium text-muted-foreground">{title}</h2>
      <div className="divide-y rounded-2xl border bg-card">{children}</div>
    </section>
  );
}

function Row({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2.5 px-4 py-3.5">
      <div className="min-w-0 shrink-0 grow basis-48">
        <p className="font-medium">{label}</p>
        {hint !== undefined && <p className="text-sm text-muted-foreground">{hint}</p>}
      </div>
      <div className="min-w-0 [overflow-wrap:anywhere]">{children}</div>
    </div>
  );
}

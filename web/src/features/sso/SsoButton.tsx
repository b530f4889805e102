import { useQuery } from "@tanstack/react-query";
import { LogIn } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { providerQuery } from "./api";
import { isFailure } from "./failures";

/** The way in through the provider of identities, and why it failed where it did; nothing where there is no provider. */
export function SsoButton() {
  const { t } = useTranslation();
  const { data: provider } = useQuery(providerQuery);
  const params = new URLSearchParams(window.location.search);
  const failed = params.get("sso_error");
  if (!provider?.enabled) return null;
  const next = params.get("next");
  return (
    <div className="grid gap-4 border-b pb-5">
      {isFailure(failed) && (
        <Notice tone="danger" role="alert">
          {t(`sso.failures.${failed}`)}
        </Notice>
      )}
      {/* A page of the server, not of the app: it leads away. */}
      <Button variant="outline" asChild>
        <a href={provider.url + (next === null ? "" : `?next=${encodeURIComponent(next)}`)}>
          <LogIn aria-hidden />
          {provider.name === "" ? t("sso.signIn") : t("sso.signInWith", { name: provider.name })}
        </a>
      </Button>
    </div>
  );
}

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="flex h-dvh flex-col items-center justify-center gap-3 p-6 text-center">
      <h1 className="text-xl font-semibold">{t("app.notFound")}</h1>
      <p className="max-w-md text-muted-foreground">{t("app.notFoundHint")}</p>
      <Button asChild className="mt-3">
        <Link to="/">{t("app.toChats")}</Link>
      </Button>
    </main>
  );
}

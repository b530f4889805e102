import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "@/features/session/api";

/** Which organization and project one works in. */
export function Switcher() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  if (!session) return null;
  return (
    <p className="grid rounded-lg border bg-background px-3 py-1.5 leading-tight">
      <span className="sr-only">{t("console.switch")}</span>
      <span className="truncate text-sm font-medium">{session.organization.name}</span>
      <span className="truncate text-xs text-muted-foreground">{session.project.name}</span>
    </p>
  );
}

import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";

/** Why there is no count, in the server's own words where it has some. */
export function Failure({ error, onRetry }: { error: Error; onRetry: () => void }) {
  const { t } = useTranslation();
  return (
    <Notice tone="danger" role="alert">
      <span className="min-w-0 grow [overflow-wrap:anywhere]">
        {error instanceof ApiError ? error.message : t("tokenizer.unreachable")}
      </span>
      <Button variant="outline" size="sm" onClick={onRetry}>
        {t("app.retry")}
      </Button>
    </Notice>
  );
}

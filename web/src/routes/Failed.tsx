import type { ErrorComponentProps } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { answers, ChunkMissing } from "@/lib/chunk";

const lookAgain = 2000; // milliseconds

/** In place of a page that failed: of one that was not fetched while the server was away, which comes by itself, or of one that broke. */
export function Failed({ error }: ErrorComponentProps) {
  const { t } = useTranslation();
  const away = error instanceof ChunkMissing;
  useEffect(() => {
    if (!away) return;
    const timer = setInterval(() => {
      void answers().then((up) => {
        if (up) window.location.reload();
      });
    }, lookAgain);
    return () => clearInterval(timer);
  }, [away]);
  return (
    <div
      role="alert"
      className="mx-auto flex min-h-full max-w-md flex-col items-center justify-center gap-3 p-6 text-center"
    >
      <h1 className="text-xl font-semibold">{away ? t("app.notFetched") : t("app.broken")}</h1>
      <p className="text-muted-foreground">{away ? t("app.notFetchedHint") : t("app.brokenHint")}</p>
      {!away && (
        <p className="font-mono text-xs [overflow-wrap:anywhere]">
          {error instanceof Error ? error.message : String(error)}
        </p>
      )}
      <Button
        className="mt-3"
        onClick={() =>
          // The browser's own error page would be all that one has while the server is away.
          void answers().then((up) => {
            if (up) window.location.reload();
          })
        }
      >
        {t("app.reload")}
      </Button>
    </div>
  );
}

import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, Unreachable } from "@/api/errors";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { cn } from "@/lib/cn";

/** What a list says while there is nothing in it: why, and what makes the first one. */
export function Empty({
  icon: Icon,
  title,
  text,
  action,
}: {
  icon?: LucideIcon;
  title: string;
  text?: string;
  action?: ReactNode;
}) {
  return (
    <div
      data-slot="empty"
      className="grid justify-items-center gap-2 rounded-xl border border-dashed px-6 py-12 text-center"
    >
      {Icon && <Icon className="size-7 text-muted-foreground" aria-hidden />}
      <p className="font-medium">{title}</p>
      {text !== undefined && <p className="max-w-md text-sm text-muted-foreground">{text}</p>}
      {action !== undefined && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

/** The words of a failure: the server's own where it spoke. */
export function useErrorText(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (error instanceof Unreachable) return t("console.error.unreachable");
    return error instanceof Error ? error.message : String(error);
  };
}

/** Says what failed, in the server's words, and offers to try again. Shows nothing without an error. */
export function ErrorBox({
  error,
  title,
  onRetry,
}: {
  error: unknown;
  title?: string | undefined;
  onRetry?: (() => void) | undefined;
}) {
  const { t } = useTranslation();
  const textOf = useErrorText();
  if (error === null || error === undefined) return null;
  return (
    <Notice tone="danger" role="alert" data-slot="error">
      <div className="min-w-0 grow [overflow-wrap:anywhere]">
        <p className="font-medium">{title ?? t("console.error.title")}</p>
        <p>{textOf(error)}</p>
        {error instanceof ApiError && error.status >= 500 && error.requestId !== null && (
          <p className="font-mono text-xs">{t("console.error.requestId", { id: error.requestId })}</p>
        )}
      </div>
      {onRetry && (
        <Button variant="outline" size="sm" className="text-foreground" onClick={onRetry}>
          {t("app.retry")}
        </Button>
      )}
    </Notice>
  );
}

/** A grey place of the size that the thing will have: give it a height by className. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cn("block animate-pulse rounded-md bg-muted", className)} />;
}

/** Lines of text that are on their way. */
export function SkeletonLines({ lines = 3 }: { lines?: number }) {
  const { t } = useTranslation();
  return (
    <div className="grid gap-2.5" role="status">
      <span className="sr-only">{t("app.loading")}</span>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} className={i === lines - 1 ? "h-4 w-2/3" : "h-4 w-full"} />
      ))}
    </div>
  );
}

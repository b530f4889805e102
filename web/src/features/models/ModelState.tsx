import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { cn } from "@/lib/cn";

const dots: Record<Model["state"], string> = {
  ready: "bg-primary",
  loading: "bg-warning animate-pulse",
  cold: "bg-input",
  failed: "bg-danger",
};

/** Progress runs from 0 to 1. */
export function percent(progress: number, language: string): string {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(progress);
}

export function ModelState({
  model,
  compact = false,
  className,
}: {
  model: Model;
  compact?: boolean;
  className?: string;
}) {
  const { t, i18n } = useTranslation();
  const text = t(`models.state.${model.state}`, { percent: percent(model.progress, i18n.language) });
  return (
    <span
      data-slot="model-state"
      className={cn("flex items-center gap-1.5 text-xs text-muted-foreground", className)}
    >
      <span className={cn("size-1.75 shrink-0 rounded-full", dots[model.state])} aria-hidden />
      <span className={cn(compact && model.state !== "loading" && model.state !== "failed" && "sr-only")}>
        {text}
      </span>
    </span>
  );
}

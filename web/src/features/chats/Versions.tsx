import { ChevronLeft, ChevronRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import type { Step } from "./tree";

/** "‹ 2/3 ›": turns between the versions of a message. */
export function Versions({ step, onTurn }: { step: Step; onTurn: (messageId: string) => void }) {
  const { t } = useTranslation();
  const { siblings, index } = step;
  if (siblings.length < 2) return null;
  const older = siblings[index - 1];
  const newer = siblings[index + 1];
  // Not disabled at the ends: a disabled button loses the focus that brought the reader there.
  return (
    <div data-slot="versions" className="flex items-center text-xs text-muted-foreground">
      <Button
        variant="ghost"
        size="icon-sm"
        className="w-6"
        aria-disabled={!older}
        aria-label={t("chat.older")}
        onClick={() => older && onTurn(older.id)}
      >
        <ChevronLeft />
      </Button>
      <span className="tabular-nums" aria-hidden>
        {index + 1}/{siblings.length}
      </span>
      <span className="sr-only">{t("chat.version", { index: index + 1, count: siblings.length })}</span>
      <Button
        variant="ghost"
        size="icon-sm"
        className="w-6"
        aria-disabled={!newer}
        aria-label={t("chat.newer")}
        onClick={() => newer && onTurn(newer.id)}
      >
        <ChevronRight />
      </Button>
    </div>
  );
}

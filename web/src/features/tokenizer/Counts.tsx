import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { useSettled } from "@/lib/settled";

type Props = {
  counts: { label: string; value: number }[];
  /** A newer count is on its way. */
  busy: boolean;
  /** What a screen reader is told when counting is done; null while it goes on. */
  announce: string | null;
};

export function Counts({ counts, busy, announce }: Props) {
  const { i18n } = useTranslation();
  const number = new Intl.NumberFormat(i18n.language);
  // Not with each letter: only when the reader has paused.
  const said = useSettled(announce, 700);
  return (
    <div>
      <dl className="flex flex-wrap gap-x-10 gap-y-2">
        {counts.map(({ label, value }) => (
          <div key={label} className="flex flex-col-reverse">
            <dt className="text-sm text-muted-foreground">{label}</dt>
            <dd
              data-slot="count"
              className={cn("text-2xl font-semibold tabular-nums", busy && "text-muted-foreground")}
            >
              {number.format(value)}
            </dd>
          </div>
        ))}
      </dl>
      <p role="status" className="sr-only">
        {said}
      </p>
    </div>
  );
}

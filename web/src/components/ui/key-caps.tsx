import { keyCaps } from "@/lib/keys";
import { cn } from "@/lib/cn";

export function KeyCaps({ keys, inverse = false }: { keys: string; inverse?: boolean }) {
  return (
    <span data-slot="key-caps" className="ml-auto inline-flex gap-1 pl-3">
      {keyCaps(keys).map((cap) => (
        <kbd
          key={cap}
          className={cn(
            "inline-flex h-5 min-w-5 items-center justify-center rounded border px-1 font-sans text-[0.6875rem] leading-none",
            inverse
              ? "border-background/30 text-background/80"
              : "border-border bg-muted text-muted-foreground",
          )}
        >
          {cap}
        </kbd>
      ))}
    </span>
  );
}

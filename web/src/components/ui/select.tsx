import { ChevronDown } from "lucide-react";
import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

/** The system's own list of choices: right for keys, screen readers and phones. */
export function Select({ className, ...props }: ComponentProps<"select">) {
  return (
    <span className={cn("relative inline-block min-w-0", className)}>
      <select
        data-slot="select"
        className="h-10 w-full min-w-0 cursor-pointer appearance-none truncate rounded-lg border border-input bg-background pr-9 pl-3 outline-none focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25"
        {...props}
      />
      <ChevronDown
        className="pointer-events-none absolute top-1/2 right-3 size-4 -translate-y-1/2 text-muted-foreground"
        aria-hidden
      />
    </span>
  );
}

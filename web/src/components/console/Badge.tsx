import { cva, type VariantProps } from "class-variance-authority";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

const badgeVariants = cva(
  "inline-flex w-fit max-w-full items-center gap-1.5 truncate rounded-md border px-1.5 py-0.5 text-xs font-medium",
  {
    variants: {
      tone: {
        neutral: "bg-muted text-muted-foreground",
        good: "bg-bubble text-foreground",
        warning: "border-warning-border bg-warning-surface text-warning",
        danger: "border-danger-border bg-danger-surface text-danger",
      },
    },
    defaultVariants: { tone: "neutral" },
  },
);

type BadgeProps = VariantProps<typeof badgeVariants> & { children: ReactNode; className?: string };

/** A word about an object: its role, its kind. */
export function Badge({ tone, className, children }: BadgeProps) {
  return (
    <span data-slot="badge" className={cn(badgeVariants({ tone }), className)}>
      {children}
    </span>
  );
}

const dots = {
  neutral: "bg-muted-foreground",
  good: "bg-primary",
  warning: "bg-warning",
  danger: "bg-danger",
};

/** The state of something: a dot and always a word, since colour alone says nothing to some. */
export function Status({ tone, children }: { tone: keyof typeof dots; children: ReactNode }) {
  return (
    <span data-slot="status" className="inline-flex items-center gap-2 whitespace-nowrap">
      <span aria-hidden className={cn("size-2 shrink-0 rounded-full", dots[tone])} />
      {children}
    </span>
  );
}

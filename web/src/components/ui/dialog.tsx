import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ComponentProps } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { useReturnFocus } from "./return-focus";

export const Dialog = Radix.Root;
export const DialogClose = Radix.Close;

export function DialogOverlay({ className, ...props }: ComponentProps<typeof Radix.Overlay>) {
  return (
    <Radix.Overlay
      data-slot="dialog-overlay"
      className={cn(
        "fixed inset-0 z-40 bg-overlay data-[state=closed]:animate-out data-[state=closed]:fade-out-0 data-[state=open]:animate-in data-[state=open]:fade-in-0",
        className,
      )}
      {...props}
    />
  );
}

export function DialogContent({ className, children, ...props }: ComponentProps<typeof Radix.Content>) {
  const { t } = useTranslation();
  const focus = useReturnFocus();
  return (
    <Radix.Portal>
      <DialogOverlay />
      <Radix.Content
        data-slot="dialog"
        aria-describedby={undefined}
        className={cn(
          "fixed top-1/2 left-1/2 z-50 grid max-h-[85dvh] w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 gap-4 overflow-y-auto rounded-2xl border bg-popover p-6 shadow-panel outline-none data-[state=open]:animate-in data-[state=open]:fade-in-0 data-[state=open]:zoom-in-97",
          className,
        )}
        {...focus}
        {...props}
      >
        {children}
        <Radix.Close asChild>
          <Button
            variant="ghost"
            size="icon-sm"
            className="absolute top-4 right-4"
            aria-label={t("app.close")}
          >
            <X />
          </Button>
        </Radix.Close>
      </Radix.Content>
    </Radix.Portal>
  );
}

export function DialogTitle({ className, ...props }: ComponentProps<typeof Radix.Title>) {
  return (
    <Radix.Title
      data-slot="dialog-title"
      className={cn("pr-8 text-lg font-semibold", className)}
      {...props}
    />
  );
}

/** A panel that slides in from the left; the sidebar on narrow screens. */
export function Drawer({
  title,
  className,
  children,
  ...props
}: ComponentProps<typeof Radix.Root> & { title: string; className?: string }) {
  return (
    <Radix.Root {...props}>
      <Radix.Portal>
        <DialogOverlay />
        <Radix.Content
          data-slot="drawer"
          aria-describedby={undefined}
          // The panel itself takes the focus: its first button would open its tooltip, and that take the Escape.
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus();
          }}
          className={cn(
            "fixed inset-y-0 left-0 z-50 w-[min(20rem,85vw)] border-r bg-surface shadow-panel outline-none data-[state=closed]:animate-out data-[state=closed]:slide-out-to-left data-[state=open]:animate-in data-[state=open]:slide-in-from-left",
            className,
          )}
        >
          <Radix.Title className="sr-only">{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

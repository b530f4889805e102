import { Tooltip as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { KeyCaps } from "./key-caps";

export const TooltipProvider = Radix.Provider;

type TooltipProps = {
  label: string;
  keys?: string | undefined;
  side?: "top" | "bottom" | "right";
  children: ReactNode;
};

/** Names a control that shows only an icon. The control carries its own aria-label as well. */
export function Tooltip({ label, keys, side = "bottom", children }: TooltipProps) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          data-slot="tooltip"
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 flex items-center gap-2 rounded-md bg-foreground px-2.5 py-1.5 text-xs font-medium text-background shadow-panel data-[state=delayed-open]:animate-in data-[state=delayed-open]:fade-in-0"
        >
          {label}
          {keys !== undefined && <KeyCaps keys={keys} inverse />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

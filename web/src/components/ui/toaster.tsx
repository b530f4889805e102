import { X } from "lucide-react";
import { Toast as Radix } from "radix-ui";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { createStore, useStore } from "@/lib/store";
import { Button } from "./button";

type Toast = { id: number; text: string; tone: "neutral" | "danger" };

const toasts = createStore<Toast[]>([]);
let count = 0;

/** Tells something in passing, from anywhere. What must be answered belongs in the page instead. */
export function toast(text: string, tone: Toast["tone"] = "neutral") {
  const id = ++count;
  toasts.set((all) => [...all.slice(-2), { id, text, tone }]);
}

export function Toaster() {
  const { t } = useTranslation();
  const all = useStore(toasts, (v) => v);
  return (
    <Radix.Provider duration={5000}>
      {all.map(({ id, text, tone }) => (
        <Radix.Root
          key={id}
          data-slot="toast"
          onOpenChange={(open) => !open && toasts.set((rest) => rest.filter((other) => other.id !== id))}
          className={cn(
            "flex items-center gap-3 rounded-xl border bg-popover py-2 pr-2 pl-4 text-sm shadow-panel data-[state=open]:animate-in data-[state=open]:fade-in-0 data-[state=open]:slide-in-from-bottom-2",
            tone === "danger" && "border-danger-border text-danger",
          )}
        >
          <Radix.Description className="grow">{text}</Radix.Description>
          <Radix.Close asChild>
            <Button variant="ghost" size="icon-sm" aria-label={t("app.close")}>
              <X />
            </Button>
          </Radix.Close>
        </Radix.Root>
      ))}
      <Radix.Viewport className="fixed bottom-4 left-1/2 z-60 flex w-[min(24rem,calc(100vw-2rem))] -translate-x-1/2 flex-col gap-2 outline-none" />
    </Radix.Provider>
  );
}

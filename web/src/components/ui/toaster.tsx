import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { createStore, useStore } from "@/lib/store";
import { Button } from "./button";

type Toast = { id: number; text: string; tone: "neutral" | "danger" };

const lasts = 5000; // milliseconds; longer while the reader is at it

const toasts = createStore<Toast[]>([]);
let count = 0;

/** Tells something in passing, from anywhere. What must be answered belongs in the page instead. */
export function toast(text: string, tone: Toast["tone"] = "neutral") {
  const id = ++count;
  toasts.set((all) => [...all.slice(-2), { id, text, tone }]);
}

/** Never takes the focus, nor the Escape that is meant for a dialog or for a running answer. */
export function Toaster() {
  const all = useStore(toasts, (v) => v);
  return (
    <div
      aria-live="polite"
      aria-relevant="additions"
      className="pointer-events-none fixed top-16 left-1/2 z-60 flex w-[min(24rem,calc(100vw-2rem))] -translate-x-1/2 flex-col items-center gap-2"
    >
      {all.map((item) => (
        <Item key={item.id} item={item} />
      ))}
    </div>
  );
}

function Item({ item: { id, text, tone } }: { item: Toast }) {
  const { t } = useTranslation();
  const [held, hold] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => close(id), lasts);
    return () => clearTimeout(timer);
  }, [id, held]);
  return (
    <div
      data-slot="toast"
      role={tone === "danger" ? "alert" : undefined}
      onPointerEnter={() => hold(true)}
      onPointerLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
      className={cn(
        "pointer-events-auto flex max-w-full animate-in items-center gap-3 rounded-xl border bg-popover py-1.5 pr-1.5 pl-4 text-sm shadow-panel duration-150 fade-in-0 slide-in-from-top-2",
        tone === "danger" && "border-danger-border text-danger",
      )}
    >
      <p className="grow [overflow-wrap:anywhere]">{text}</p>
      <Button variant="ghost" size="icon-sm" aria-label={t("app.close")} onClick={() => close(id)}>
        <X />
      </Button>
    </div>
  );
}

function close(id: number) {
  toasts.set((all) => all.filter((other) => other.id !== id));
}

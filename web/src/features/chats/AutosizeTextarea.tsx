import { type ComponentProps, type KeyboardEvent, useLayoutEffect, useRef } from "react";
import { cn } from "@/lib/cn";
import { touch } from "@/lib/media";

type Props = Omit<ComponentProps<"textarea">, "onChange" | "ref"> & {
  value: string;
  onValue: (value: string) => void;
  onEnter: () => void;
  onEscape?: () => void;
};

/** True while an input method still composes: its Enter ends a Korean syllable and sends nothing. */
export function isComposing(event: KeyboardEvent): boolean {
  // Safari reports the Enter that ends a composition after the composition, as key code 229.
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells them apart
  return event.nativeEvent.isComposing || event.keyCode === 229;
}

/** Grows with its text. Enter is the caller's, Shift+Enter (and Enter on a touch screen) a new line. */
export function AutosizeTextarea({ value, onValue, onEnter, onEscape, className, ...props }: Props) {
  const ref = useRef<HTMLTextAreaElement>(null);

  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [value]);

  function onKeyDown(event: KeyboardEvent) {
    if (isComposing(event)) return;
    if (event.key === "Escape" && onEscape) {
      event.preventDefault();
      onEscape();
    }
    if (event.key !== "Enter" || event.shiftKey || window.matchMedia(touch).matches) return;
    event.preventDefault();
    onEnter();
  }

  return (
    <textarea
      ref={ref}
      rows={1}
      value={value}
      onChange={(event) => onValue(event.target.value)}
      onKeyDown={onKeyDown}
      className={cn(
        "block max-h-[40dvh] w-full resize-none overflow-y-auto bg-transparent leading-6 outline-none placeholder:text-muted-foreground",
        className,
      )}
      {...props}
    />
  );
}

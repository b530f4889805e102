import { ToggleGroup as Radix } from "radix-ui";
import type { ReactNode } from "react";

type Option<T extends string> = { value: T; label: string; icon?: ReactNode; lang?: string };
type ChoiceProps<T extends string> = {
  label: string;
  value: T;
  options: Option<T>[];
  onChange: (value: T) => void;
};

/** One of a few: all of them are in sight. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <Radix.Root
      data-slot="choice"
      type="single"
      aria-label={label}
      value={value}
      // An empty value means the chosen one was pressed again: there is always a choice.
      onValueChange={(next) => next !== "" && onChange(next as T)}
      className="inline-flex rounded-xl bg-muted p-1"
    >
      {options.map((option) => (
        <Radix.Item
          key={option.value}
          value={option.value}
          lang={option.lang}
          className="inline-flex h-8 items-center gap-2 rounded-lg px-3 text-sm text-muted-foreground transition-colors hover:text-foreground data-[state=on]:bg-card data-[state=on]:font-medium data-[state=on]:text-foreground data-[state=on]:shadow-sm [&_svg]:size-4"
        >
          {option.icon}
          {option.label}
        </Radix.Item>
      ))}
    </Radix.Root>
  );
}

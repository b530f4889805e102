import { useId, useState } from "react";
import { Input } from "@/components/ui/input";

type Props = {
  label: string;
  hint?: string;
  min: number;
  max: number;
  step: number;
  value: number | null;
  /** What an empty field means; without it the field goes back to its value. */
  empty?: string;
  /** Beyond this the slider does not reach; the field does. */
  sliderMax?: number;
  slider?: boolean;
  onChange: (value: number | null) => void;
};

/** A number with a slider below it. What is out of range is brought into it when the field is left. */
export function NumberField({
  label,
  hint,
  min,
  max,
  step,
  value,
  empty,
  sliderMax = max,
  slider = true,
  onChange,
}: Props) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const bounded = (n: number) => Math.min(max, Math.max(min, step >= 1 ? Math.round(n) : n));

  function type(text: string) {
    setTyped(text);
    const n = Number(text);
    if (text.trim() === "") {
      if (empty !== undefined) onChange(null);
    } else if (Number.isFinite(n) && bounded(n) === n) onChange(n);
  }

  function settle() {
    if (typed !== null && typed.trim() !== "" && Number.isFinite(Number(typed)))
      onChange(bounded(Number(typed)));
    setTyped(null);
  }

  return (
    <div className="grid gap-1">
      <div className="flex items-center justify-between gap-3">
        <label htmlFor={id} className="text-sm font-medium">
          {label}
        </label>
        <Input
          id={id}
          type="number"
          inputMode="decimal"
          min={min}
          max={max}
          step={step}
          value={typed ?? (value === null ? "" : String(value))}
          placeholder={empty}
          aria-describedby={hint === undefined ? undefined : `${id}-hint`}
          onChange={(event) => type(event.target.value)}
          onBlur={settle}
          className="h-8 w-24 px-2 text-right text-sm tabular-nums"
        />
      </div>
      {slider && (
        <input
          type="range"
          aria-label={label}
          min={min}
          max={sliderMax}
          step={step}
          value={Math.min(sliderMax, value ?? sliderMax)}
          onChange={(event) => onChange(Number(event.target.value))}
          className="h-5 w-full cursor-pointer accent-primary"
        />
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-xs text-muted-foreground">
          {hint}
        </p>
      )}
    </div>
  );
}

import { X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { maxStop } from "./setup";

type Props = {
  label: string;
  hint: string;
  value: string[];
  /** One text instead of a list. */
  single?: boolean;
  onChange: (value: string[]) => void;
};

/** How a text is typed in one line: \n is a line's end, \t a tab. */
export const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");

export function unescaped(text: string): string {
  return text.replace(/\\([nt\\])/g, (_, c: string) => ({ n: "\n", t: "\t" })[c] ?? "\\");
}

/** Short texts, as many as stop sequences are allowed, or one. */
export function StopEditor({ label, hint, value, single = false, onChange }: Props) {
  const { t } = useTranslation();
  const id = useId();
  const [typed, setTyped] = useState("");
  const [first] = value;
  const full = !single && value.length >= maxStop;

  function add() {
    const text = unescaped(typed);
    if (text === "" || full) return;
    if (!value.includes(text)) onChange([...value, text]);
    setTyped("");
  }

  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {!single && value.length > 0 && (
        <ul className="flex flex-wrap gap-1.5">
          {value.map((text) => (
            <li
              key={text}
              className="flex max-w-full items-center rounded-lg bg-muted pl-2.5 font-mono text-xs"
            >
              <span className="truncate whitespace-pre">{escaped(text)}</span>
              <Button
                variant="ghost"
                size="icon-sm"
                aria-label={t("playground.params.remove", { what: escaped(text) })}
                onClick={() => onChange(value.filter((other) => other !== text))}
              >
                <X />
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Input
        id={id}
        value={single && typed === "" ? escaped(first ?? "") : typed}
        disabled={full}
        autoComplete="off"
        aria-describedby={`${id}-hint`}
        className="h-9 font-mono text-sm"
        onChange={(event) => {
          if (single) onChange(event.target.value === "" ? [] : [unescaped(event.target.value)]);
          else setTyped(event.target.value);
        }}
        onKeyDown={(event) => {
          if (single || event.nativeEvent.isComposing || event.ctrlKey || event.metaKey) return;
          if (event.key !== "Enter" && (event.key !== "Tab" || typed === "")) return;
          event.preventDefault();
          add();
        }}
        onBlur={() => !single && add()}
      />
      <p id={`${id}-hint`} className="text-xs text-muted-foreground">
        {hint}
      </p>
    </div>
  );
}

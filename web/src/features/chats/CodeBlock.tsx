import { Check, Copy } from "lucide-react";
import { memo, type ReactNode, useDeferredValue, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { copyAndTell } from "./commands";

type Highlight = (code: string, language: string) => ReactNode;
let loaded: Highlight | null = null;

/** Colours are a convenience: beyond this length they would cost more than they give. */
const longest = 40_000; // characters

function useHighlight(wanted: boolean): Highlight | null {
  const [highlight, setHighlight] = useState<Highlight | null>(() => loaded);
  useEffect(() => {
    if (!wanted || highlight) return;
    let gone = false;
    void import("./highlight").then((module) => {
      loaded = module.highlight;
      if (!gone) setHighlight(() => module.highlight);
    });
    return () => {
      gone = true;
    };
  }, [wanted, highlight]);
  return highlight;
}

/** Code with its language, a button that copies it, and colours once these are loaded: the size stays the same. */
export const CodeBlock = memo(function CodeBlock({ code, language }: { code: string; language: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const shown = useDeferredValue(code);
  const highlight = useHighlight(language !== "");
  const coloured = useMemo(
    () => (highlight && language && shown.length <= longest ? highlight(shown, language) : null),
    [highlight, shown, language],
  );

  async function copy() {
    if (!(await copyAndTell(code))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  }

  return (
    <figure data-slot="code-block" className="overflow-hidden rounded-xl border bg-code">
      <figcaption className="flex h-10 items-center justify-between border-b pr-1 pl-4 text-xs text-muted-foreground">
        <span>{language}</span>
        <Button
          variant="ghost"
          size="sm"
          className="text-xs"
          aria-label={t("chat.copyCode")}
          onClick={() => void copy()}
        >
          {copied ? <Check /> : <Copy />}
          {copied ? t("chat.copied") : t("chat.copy")}
        </Button>
      </figcaption>
      <pre
        tabIndex={0}
        className="overflow-x-auto p-4 font-mono text-[0.8125rem] leading-relaxed [tab-size:4]"
      >
        <code>{coloured ?? shown}</code>
      </pre>
    </figure>
  );
});

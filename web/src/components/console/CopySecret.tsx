import { Check, Copy } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toaster";
import { copyText } from "@/lib/clipboard";

/**
 * Something to copy: a secret that is shown this once only (`once`, which says so), or a link or an id. The value is
 * in the page for as long as this is; nothing keeps it.
 */
export function CopySecret({
  label,
  value,
  once = true,
  hint,
}: {
  label: string;
  value: string;
  once?: boolean;
  hint?: string;
}) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const id = useId();
  async function copy() {
    if (await copyText(value)) setCopied(true);
    else toast(t("chat.copyFailed"), "danger");
  }
  return (
    <div className="grid gap-1.5" data-slot="secret">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          readOnly
          value={value}
          onFocus={(event) => event.target.select()}
          className="h-10 min-w-0 grow rounded-lg border border-input bg-code px-3 font-mono text-sm outline-none focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25"
        />
        <Button variant={once ? "primary" : "outline"} className="h-10" onClick={() => void copy()}>
          {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
          {copied ? t("console.secret.copied") : t("console.secret.copy")}
        </Button>
      </div>
      <p className="text-sm text-muted-foreground">{hint ?? (once ? t("console.secret.once") : null)}</p>
      <p role="status" className="sr-only">
        {copied ? t("console.secret.copied") : ""}
      </p>
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { toast } from "@/components/ui/toaster";
import { useStore } from "@/lib/store";
import { idsOf, pricesQuery } from "./api";
import { changeParams, errorText, playground } from "./playground";
import { FieldProblems } from "./Problems";
import type { Bias } from "./setup";

/** Token ids with what is added to their logits. A text is turned into its ids by the server. */
export function BiasEditor() {
  const { t } = useTranslation();
  const rows = useStore(playground, (state) => state.setup.params.logitBias);
  const model = useStore(playground, (state) => state.setup.models[state.setup.mode]);
  const prices = useQuery(pricesQuery).data;
  const encoding = prices?.find((p) => p.model === model)?.encoding;
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const id = useId();

  const set = (logitBias: Bias[]) => changeParams({ logitBias });

  async function add() {
    if (text === "") {
      set([...rows, { token: "", bias: 0 }]);
      return;
    }
    setBusy(true);
    try {
      const ids = await idsOf(text, model, encoding);
      const known = new Set(rows.map((row) => row.token));
      set([
        ...rows,
        ...ids
          .map(String)
          .filter((token) => !known.has(token))
          .map((token) => ({ token, bias: -100 })),
      ]);
      setText("");
    } catch (error) {
      toast(errorText(error), "danger");
    } finally {
      setBusy(false);
    }
  }

  return (
    <fieldset className="grid gap-1.5">
      <legend className="mb-1.5 text-sm font-medium">{t("playground.params.logitBias")}</legend>
      {rows.map((row, i) => (
        <div key={i} className="flex items-center gap-1.5">
          <Input
            aria-label={t("playground.params.biasToken", { at: i + 1 })}
            placeholder={t("playground.params.tokenId")}
            inputMode="numeric"
            value={row.token}
            className="h-9 font-mono text-sm"
            onChange={(event) =>
              set(rows.map((other, j) => (j === i ? { ...other, token: event.target.value } : other)))
            }
          />
          <Input
            type="number"
            aria-label={t("playground.params.biasValue", { at: i + 1 })}
            min={-100}
            max={100}
            value={row.bias}
            className="h-9 w-20 shrink-0 text-right text-sm tabular-nums"
            onChange={(event) => {
              const bias = Math.min(100, Math.max(-100, Number(event.target.value) || 0));
              set(rows.map((other, j) => (j === i ? { ...other, bias } : other)));
            }}
          />
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={t("playground.params.remove", { what: row.token })}
            onClick={() => set(rows.filter((_, j) => j !== i))}
          >
            <X />
          </Button>
        </div>
      ))}
      <div className="flex gap-1.5">
        <Input
          aria-label={t("playground.params.biasText")}
          placeholder={t("playground.params.biasText")}
          value={text}
          className="h-9 text-sm"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.nativeEvent.isComposing)
              return;
            event.preventDefault();
            void add();
          }}
        />
        <Button
          variant="outline"
          disabled={busy}
          aria-describedby={id}
          aria-label={t("playground.params.addBias")}
          onClick={() => void add()}
        >
          <Plus aria-hidden />
        </Button>
      </div>
      <FieldProblems field="logitBias" />
      <p id={id} className="text-xs text-muted-foreground">
        {t("playground.params.biasHint")}
      </p>
    </fieldset>
  );
}

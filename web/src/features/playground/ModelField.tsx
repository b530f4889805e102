import { useQuery } from "@tanstack/react-query";
import { Check, ChevronDown } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Command, CommandEmpty, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { chatModels, modelsQuery, pickModel } from "@/features/models/api";
import { cn } from "@/lib/cn";
import { useStore } from "@/lib/store";
import { change, playground } from "./playground";
import type { Mode } from "./setup";

/** The names that programs of that time use in each mode. */
const usual: Record<Mode, string[]> = {
  chat: ["gpt-3.5-turbo"],
  complete: ["gpt-3.5-turbo-instruct", "text-davinci-003"],
  edit: ["text-davinci-edit-001"],
};

/** The model that is asked: all names that this user may ask for, with a search. */
export function ModelField() {
  const { t } = useTranslation();
  const mode = useStore(playground, (state) => state.setup.mode);
  const value = useStore(playground, (state) => state.setup.models[state.setup.mode]);
  const { data } = useQuery(modelsQuery);
  const models = chatModels(data);
  const [shown, setShown] = useState(false);
  const model = models.find((m) => m.id === value);
  const otherwise = models.length === 0 ? undefined : suggestion(models, mode)?.id;

  useEffect(() => {
    if (value !== "" || otherwise === undefined) return;
    const { models: all } = playground.get().setup;
    change({ models: { ...all, [mode]: otherwise } });
  }, [value, otherwise, mode]);

  return (
    <Popover open={shown} onOpenChange={setShown}>
      <div className="grid gap-1.5">
        <span className="text-sm font-medium" aria-hidden>
          {t("playground.model")}
        </span>
        <PopoverTrigger asChild>
          <Button
            variant="outline"
            data-slot="playground-model"
            className="h-auto min-h-11 w-full justify-between py-1.5 text-left"
            aria-label={`${t("playground.model")}: ${value}`}
          >
            <span className="min-w-0">
              <span className="block truncate">{value === "" ? t("models.choose") : value}</span>
              {model && model.served_model !== model.id && (
                <span className="block truncate text-xs font-normal text-muted-foreground">
                  {t("models.servedBy", { model: model.served_model })}
                </span>
              )}
            </span>
            <ChevronDown className="text-muted-foreground" aria-hidden />
          </Button>
        </PopoverTrigger>
      </div>
      <PopoverContent className="w-[min(24rem,calc(100vw-1rem))]" aria-label={t("models.choose")}>
        <Command defaultValue={value} label={t("models.choose")} loop>
          <CommandInput placeholder={t("models.search")} className="h-11 text-sm" />
          <CommandList>
            <CommandEmpty>{models.length === 0 ? t("playground.noModels") : t("models.none")}</CommandEmpty>
            {models.map((m) => (
              <CommandItem
                key={m.id}
                value={m.id}
                keywords={[m.served_model]}
                onSelect={() => {
                  const { models: all } = playground.get().setup;
                  change({ models: { ...all, [mode]: m.id } });
                  setShown(false);
                }}
              >
                <Check className={cn("text-primary!", m.id !== value && "invisible")} aria-hidden />
                <span className="min-w-0 grow">
                  <span className="block truncate">{m.id}</span>
                  {m.id !== m.served_model && (
                    <span className="block truncate text-xs text-muted-foreground">{m.served_model}</span>
                  )}
                </span>
              </CommandItem>
            ))}
          </CommandList>
        </Command>
      </PopoverContent>
    </Popover>
  );
}

function suggestion(models: readonly Model[], mode: Mode): Model | undefined {
  return pickModel(models, ...usual[mode]);
}

import { useQuery } from "@tanstack/react-query";
import { Check, ChevronDown } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Model } from "@/api/types";
import { Button } from "@/components/ui/button";
import {
  Command,
  CommandEmpty,
  CommandGroup,
  CommandInput,
  CommandItem,
  CommandList,
} from "@/components/ui/command";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";
import { useStore } from "@/lib/store";
import { focusComposer, show, ui } from "@/lib/ui";
import { chatModels, modelsQuery } from "./api";
import { ModelState } from "./ModelState";

type Props = { value: Model | undefined; onChange: (id: string) => void };

/** Shows which name is asked and which model answers to it; opens the list of all. */
export function ModelPicker({ value, onChange }: Props) {
  const open = useStore(ui, (state) => state.models);
  const models = chatModels(useQuery(modelsQuery).data);
  const { t } = useTranslation();
  return (
    <Popover open={open} onOpenChange={(models) => show({ models })}>
      <PopoverTrigger asChild>
        <Button
          data-model-picker
          variant="plain"
          className="h-11 min-w-0 shrink justify-start gap-2 px-2.5 text-left"
          aria-label={
            value
              ? `${t("models.choose")}: ${value.id}, ${t("models.servedBy", { model: value.served_model })}`
              : t("models.choose")
          }
        >
          <span className="min-w-0">
            <span className="block truncate leading-tight font-semibold">
              {value?.id ?? t("models.choose")}
            </span>
            {value && (
              <span className="flex items-center gap-1.5 text-xs leading-tight font-normal text-muted-foreground">
                <ModelState model={value} compact />
                <span className="truncate">{value.served_model}</span>
              </span>
            )}
          </span>
          <ChevronDown className="text-muted-foreground" aria-hidden />
        </Button>
      </PopoverTrigger>
      <PopoverContent
        className="w-[min(26rem,calc(100vw-1rem))]"
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          focusComposer();
        }}
      >
        {models.length === 0 ? (
          <div className="p-4 text-sm">
            <p>{t("models.empty")}</p>
            <pre className="mt-2 rounded-lg bg-code p-3 font-mono text-[0.8125rem]">
              parley pull --defaults
            </pre>
          </div>
        ) : (
          <Command defaultValue={value?.id ?? ""} label={t("models.choose")}>
            {models.length > 6 && <CommandInput placeholder={t("models.search")} />}
            <CommandList>
              <CommandEmpty>{t("models.none")}</CommandEmpty>
              <CommandGroup>
                {models.map((model) => (
                  <CommandItem
                    key={model.id}
                    value={model.id}
                    keywords={[model.served_model]}
                    onSelect={() => {
                      onChange(model.id);
                      show({ models: false });
                    }}
                  >
                    <span className="min-w-0 grow">
                      <span className="flex items-baseline gap-2">
                        <span className="truncate font-medium">{model.id}</span>
                        {model.default && (
                          <span className="text-xs text-muted-foreground">{t("models.default")}</span>
                        )}
                      </span>
                      <span className="block truncate text-xs text-muted-foreground">
                        {model.served_model}
                        {model.context_window > 0 &&
                          ` · ${t("models.window", { count: model.context_window })}`}
                      </span>
                      <ModelState model={model} className="mt-0.5" />
                    </span>
                    <Check
                      className={cn("text-primary!", model.id !== value?.id && "invisible")}
                      aria-hidden
                    />
                  </CommandItem>
                ))}
              </CommandGroup>
            </CommandList>
          </Command>
        )}
      </PopoverContent>
    </Popover>
  );
}

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
import { Pulls } from "./Pulls";

type Props = { value: Model | undefined; onChange: (id: string) => void };

/** Shows which name is asked and which model answers to it; opens the list of all. */
export function ModelPicker({ value, onChange }: Props) {
  const { t } = useTranslation();
  const open = useStore(ui, (state) => state.models);
  const label = value
    ? `${t("models.choose")}: ${value.id}, ${t("models.servedBy", { model: value.served_model })}`
    : t("models.choose");
  return (
    <Popover open={open} onOpenChange={(models) => show({ models })}>
      <PopoverTrigger asChild>
        <Button
          data-model-picker
          variant="plain"
          className="h-11 min-w-0 shrink justify-start gap-2 px-2.5 text-left"
          aria-label={label}
        >
          <span className="min-w-0">
            <span className="block truncate leading-tight font-semibold">
              {value?.id ?? t("models.choose")}
            </span>
            {value && (
              <span className="flex items-center gap-1.5 text-xs leading-tight font-normal text-muted-foreground">
                <ModelState model={value} compact={isAlias(value)} />
                {isAlias(value) && <span className="truncate">{value.served_model}</span>}
              </span>
            )}
          </span>
          <ChevronDown className="text-muted-foreground" aria-hidden />
        </Button>
      </PopoverTrigger>
      <PopoverContent
        className="w-[min(26rem,calc(100vw-1rem))]"
        aria-label={t("models.choose")}
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          focusComposer();
        }}
      >
        <ModelList value={value} onChange={onChange} />
        <Pulls className="border-t px-4 py-3 text-xs" />
      </PopoverContent>
    </Popover>
  );
}

function ModelList({ value, onChange }: Props) {
  const { t } = useTranslation();
  const models = chatModels(useQuery(modelsQuery).data);
  if (models.length === 0) {
    return (
      <div className="p-4 text-sm">
        <p>{t("models.empty")}</p>
        <pre className="mt-2 rounded-lg bg-code p-3 font-mono text-[0.8125rem]">parley pull --defaults</pre>
      </div>
    );
  }
  const groups = [
    { heading: t("models.own"), models: models.filter((m) => !isAlias(m)) },
    { heading: t("models.aliases"), models: models.filter(isAlias) },
  ].filter((group) => group.models.length > 0);
  return (
    <Command defaultValue={value?.id ?? ""} label={t("models.choose")} loop>
      {/* Also with few models: the field takes the keys that move through the list. */}
      <CommandInput placeholder={t("models.search")} className="h-11 text-sm" />
      <CommandList>
        <CommandEmpty>{t("models.none")}</CommandEmpty>
        {groups.map((group) => (
          <CommandGroup key={group.heading} heading={group.heading}>
            {group.models.map((model) => (
              <ModelItem
                key={model.id}
                model={model}
                chosen={model.id === value?.id}
                onSelect={() => {
                  onChange(model.id);
                  show({ models: false });
                }}
              />
            ))}
          </CommandGroup>
        ))}
      </CommandList>
    </Command>
  );
}

function ModelItem({ model, chosen, onSelect }: { model: Model; chosen: boolean; onSelect: () => void }) {
  const { t, i18n } = useTranslation();
  const size = new Intl.NumberFormat(i18n.language).format(model.context_window);
  const details = [
    isAlias(model) && model.served_model,
    model.default && t("models.default"),
    model.context_window > 0 && t("models.window", { count: model.context_window, size }),
  ];
  return (
    <CommandItem value={model.id} keywords={[model.served_model]} onSelect={onSelect}>
      <Check className={cn("text-primary!", !chosen && "invisible")} aria-hidden />
      <span className="min-w-0 grow">
        <span className="flex items-baseline gap-2">
          <span className="truncate font-medium">{model.id}</span>
          <ModelState model={model} className="ml-auto shrink-0" />
        </span>
        <span className="block truncate text-xs text-muted-foreground">
          {details.filter((detail) => detail !== false).join(" · ")}
        </span>
      </span>
    </CommandItem>
  );
}

/** A name of another time or place, kept by a model that has its own. */
function isAlias(model: Model): boolean {
  return model.id !== model.served_model;
}

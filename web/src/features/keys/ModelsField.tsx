import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { RadioField } from "@/components/console/fields";
import { Input } from "@/components/ui/input";
import { modelsQuery } from "@/features/models/api";

/** Which models a key may ask for: all (null), or those with a tick. */
export function ModelsField({
  value,
  onChange,
}: {
  value: string[] | null;
  onChange: (models: string[] | null) => void;
}) {
  const { t } = useTranslation();
  const { data: served = [] } = useQuery(modelsQuery);
  const [search, setSearch] = useState("");
  // Also names that are not served any more: to save must not take them away unseen.
  const names = [...new Set([...(value ?? []), ...served.map((model) => model.id)])].sort();
  const found = names.filter((name) => name.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <div className="grid gap-2">
      <RadioField
        label={t("keys.models")}
        value={value === null ? "all" : "some"}
        options={[
          { value: "all", label: t("keys.allModels") },
          { value: "some", label: t("keys.someModels") },
        ]}
        onChange={(which) => onChange(which === "all" ? null : [])}
      />
      {value !== null && (
        <div className="grid gap-1 rounded-xl border bg-card p-3">
          {names.length > 8 && (
            <Input
              type="search"
              className="mb-1 h-9 text-sm"
              aria-label={t("keys.findModel")}
              placeholder={t("keys.findModel")}
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
          )}
          <ul className="max-h-44 overflow-y-auto" tabIndex={0} aria-label={t("keys.models")}>
            {found.map((name) => (
              <li key={name}>
                <label className="flex items-center gap-2.5 py-1 text-sm">
                  <input
                    type="checkbox"
                    className="size-4 shrink-0 accent-primary"
                    checked={value.includes(name)}
                    onChange={(event) =>
                      onChange(
                        event.target.checked ? [...value, name] : value.filter((other) => other !== name),
                      )
                    }
                  />
                  <span className="min-w-0 font-mono text-xs [overflow-wrap:anywhere]">{name}</span>
                </label>
              </li>
            ))}
          </ul>
          {value.length === 0 && <p className="text-sm text-muted-foreground">{t("keys.noModels")}</p>}
        </div>
      )}
    </div>
  );
}

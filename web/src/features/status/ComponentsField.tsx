import { useTranslation } from "react-i18next";
import { CheckField } from "@/components/console/fields";
import { allComponents } from "./api";

/** Which components an incident is about. */
export function ComponentsField({
  value,
  onChange,
}: {
  value: string[];
  onChange: (value: string[]) => void;
}) {
  const { t } = useTranslation();
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 text-sm font-medium">{t("status.about")}</legend>
      <div className="flex flex-wrap gap-x-5 gap-y-2">
        {allComponents.map((id) => (
          <CheckField
            key={id}
            label={t(`status.components.${id}`)}
            checked={value.includes(id)}
            onChange={(on) => onChange(allComponents.filter((c) => (c === id ? on : value.includes(c))))}
          />
        ))}
      </div>
    </fieldset>
  );
}

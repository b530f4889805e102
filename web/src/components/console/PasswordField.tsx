import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Field } from "./fields";

/** A password, which can be shown; it may be pasted, and a password manager may fill it in. */
export function PasswordField({
  label,
  hint,
  value,
  onChange,
  ...props
}: {
  label: string;
  hint?: ReactNode;
  value: string;
  onChange: (value: string) => void;
} & Omit<ComponentProps<"input">, "onChange" | "value" | "className" | "type">) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {(control) => (
        <div className="relative">
          <Input
            {...props}
            {...control}
            type={shown ? "text" : "password"}
            value={value}
            onChange={(event) => onChange(event.target.value)}
            autoCapitalize="none"
            spellCheck={false}
            className="pr-11"
          />
          <Button
            variant="ghost"
            size="icon-sm"
            className="absolute top-1 right-1"
            aria-label={shown ? t("account.hidePassword") : t("account.showPassword")}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOff /> : <Eye />}
          </Button>
        </div>
      )}
    </Field>
  );
}

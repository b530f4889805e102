import { type ComponentProps, type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { DialogClose } from "@/components/ui/dialog";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { cn } from "@/lib/cn";
import { ErrorBox } from "./states";

type FieldProps = {
  label: string;
  hint?: ReactNode;
  /** What is wrong with the value, in words that say what to do. */
  error?: string | undefined;
  optional?: boolean;
  className?: string;
};

/** What the control must carry, so that its label, hint and error are its own for a screen reader too. */
type Control = { id: string; "aria-describedby"?: string; "aria-invalid"?: true };

/** A label, a control, a hint and an error, tied together. The control is made by the child with what it is given. */
export function Field({
  label,
  hint,
  error,
  optional = false,
  className,
  children,
}: FieldProps & { children: (control: Control) => ReactNode }) {
  const { t } = useTranslation();
  const id = useId();
  const hintId = hint === undefined ? null : `${id}-hint`;
  const errorId = error === undefined ? null : `${id}-error`;
  const described = [errorId, hintId].filter((part) => part !== null).join(" ");
  return (
    <div data-slot="field" className={cn("grid content-start gap-1.5", className)}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
        {optional && (
          <span className="font-normal text-muted-foreground"> ({t("console.form.optional")})</span>
        )}
      </label>
      {children({
        id,
        ...(described !== "" && { "aria-describedby": described }),
        ...(error !== undefined && { "aria-invalid": true }),
      })}
      {errorId !== null && (
        <p id={errorId} className="text-sm text-danger">
          {error}
        </p>
      )}
      {hintId !== null && (
        <p id={hintId} className="text-sm text-muted-foreground">
          {hint}
        </p>
      )}
    </div>
  );
}

type TextFieldProps = FieldProps &
  Omit<ComponentProps<"input">, "onChange" | "value" | "className"> & {
    value: string;
    onChange: (value: string) => void;
  };

export function TextField({ label, hint, error, optional, className, onChange, ...props }: TextFieldProps) {
  return (
    <Field {...fieldProps({ label, hint, error, optional, className })}>
      {(control) => (
        <Input
          {...props}
          {...control}
          onChange={(event) => onChange(event.target.value)}
          className="aria-invalid:border-danger"
        />
      )}
    </Field>
  );
}

export function TextAreaField({
  label,
  hint,
  error,
  optional,
  className,
  onChange,
  ...props
}: FieldProps &
  Omit<ComponentProps<"textarea">, "onChange" | "value" | "className"> & {
    value: string;
    onChange: (value: string) => void;
  }) {
  return (
    <Field {...fieldProps({ label, hint, error, optional, className })}>
      {(control) => (
        <textarea
          rows={4}
          {...props}
          {...control}
          onChange={(event) => onChange(event.target.value)}
          className="w-full min-w-0 rounded-lg border border-input bg-background px-3 py-2 outline-none placeholder:text-muted-foreground focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25 aria-invalid:border-danger"
        />
      )}
    </Field>
  );
}

export type Option<T extends string> = { value: T; label: string; disabled?: boolean };

export function SelectField<T extends string>({
  label,
  hint,
  error,
  optional,
  className,
  value,
  options,
  onChange,
  ...props
}: FieldProps &
  Omit<ComponentProps<"select">, "onChange" | "value" | "className"> & {
    value: T;
    options: readonly Option<T>[];
    onChange: (value: T) => void;
  }) {
  return (
    <Field {...fieldProps({ label, hint, error, optional, className })}>
      {(control) => (
        <Select
          {...props}
          {...control}
          className="w-full"
          value={value}
          onChange={(event) => onChange(event.target.value as T)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

/** Yes or no, with the words beside the box. */
export function CheckField({
  label,
  hint,
  checked,
  onChange,
  disabled,
}: {
  label: ReactNode;
  hint?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div data-slot="field" className="flex gap-2.5">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        className="mt-1 size-4 shrink-0 accent-primary"
      />
      <div className="grid gap-0.5">
        <label htmlFor={id} className="text-sm font-medium">
          {label}
        </label>
        {hint !== undefined && (
          <p id={`${id}-hint`} className="text-sm text-muted-foreground">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

/** One of a few that each need a word of explanation. */
export function RadioField<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; hint?: string }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 text-sm font-medium">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className="flex gap-2.5">
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
            className="mt-1 size-4 shrink-0 accent-primary"
          />
          <span className="grid text-sm">
            {option.label}
            {option.hint !== undefined && <span className="text-muted-foreground">{option.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

type FormProps = {
  /** Sends it; while it runs the button waits, and the failure, in the server's words, stands above the buttons. */
  onSubmit: () => void;
  busy: boolean;
  error?: unknown;
  /** What the failure is called: "The key was not made". */
  errorTitle?: string;
  submit: string;
  disabled?: boolean;
  /** In a dialog: a way out beside the button. */
  cancel?: boolean;
  /** Not the page's one clear action. */
  minor?: boolean;
  children: ReactNode;
};

/** A form with one button. Enter sends it. */
export function Form({
  onSubmit,
  busy,
  error,
  errorTitle,
  submit,
  disabled = false,
  cancel = false,
  minor = false,
  children,
}: FormProps) {
  const { t } = useTranslation();
  return (
    <form
      className="grid gap-4 *:min-w-0"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy && !disabled) onSubmit();
      }}
    >
      {children}
      <ErrorBox error={error ?? null} title={errorTitle} />
      <div className={cn("flex gap-2", cancel && "justify-end")}>
        {cancel && (
          <DialogClose asChild>
            <Button variant="outline">{t("app.cancel")}</Button>
          </DialogClose>
        )}
        <Button type="submit" variant={minor ? "outline" : "primary"} disabled={busy || disabled}>
          {submit}
        </Button>
      </div>
    </form>
  );
}

/** Leaves out what is not given: a property that is there and undefined is another thing to the compiler. */
function fieldProps({
  label,
  hint,
  error,
  optional,
  className,
}: {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  optional?: boolean | undefined;
  className?: string | undefined;
}): FieldProps {
  return {
    label,
    error,
    ...(hint !== undefined && { hint }),
    ...(optional !== undefined && { optional }),
    ...(className !== undefined && { className }),
  };
}

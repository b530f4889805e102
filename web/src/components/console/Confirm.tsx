import { AlertDialog as Radix } from "radix-ui";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { useReturnFocus } from "@/components/ui/return-focus";
import { ErrorBox } from "./states";
import { Field } from "./fields";

type ConfirmProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What will be so afterwards, and whether it can be undone. */
  text: string;
  /** The verb: "Revoke", not "OK". */
  confirm: string;
  /** Does it; the dialog stays, with the server's words, where that fails, and closes where it succeeds. */
  onConfirm: () => Promise<unknown>;
  /** What must be typed first, for what cannot be undone: the object's name. */
  phrase?: string;
  danger?: boolean;
};

/** Asks before something is lost. The harmless choice has the focus. */
export function Confirm(props: ConfirmProps) {
  return (
    <Radix.Root open={props.open} onOpenChange={props.onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-overlay data-[state=open]:animate-in data-[state=open]:fade-in-0" />
        <Body {...props} />
      </Radix.Portal>
    </Radix.Root>
  );
}

function Body({ onOpenChange, title, text, confirm, onConfirm, phrase, danger = true }: ConfirmProps) {
  const { t } = useTranslation();
  const focus = useReturnFocus();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ready = phrase === undefined || typed.trim() === phrase;

  async function act() {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onOpenChange(false);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  }

  return (
    <Radix.Content
      data-slot="confirm"
      className="fixed top-1/2 left-1/2 z-50 grid max-h-[85dvh] w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 gap-3 overflow-y-auto rounded-2xl border bg-popover p-6 shadow-panel outline-none data-[state=open]:animate-in data-[state=open]:fade-in-0 data-[state=open]:zoom-in-97"
      {...focus}
    >
      <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
      <Radix.Description className="[overflow-wrap:anywhere] text-muted-foreground">{text}</Radix.Description>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && !busy) void act();
        }}
      >
        {phrase !== undefined && (
          <Field label={t("console.confirm.type", { phrase })}>
            {(field) => (
              <Input
                {...field}
                autoComplete="off"
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
              />
            )}
          </Field>
        )}
        <ErrorBox error={error} title={title} />
        <div className="mt-1 flex justify-end gap-2">
          <Radix.Cancel asChild>
            <Button variant="outline">{t("app.cancel")}</Button>
          </Radix.Cancel>
          <Button type="submit" variant={danger ? "danger" : "primary"} disabled={!ready || busy}>
            {confirm}
          </Button>
        </div>
      </form>
    </Radix.Content>
  );
}

import { AlertDialog as Radix } from "radix-ui";
import { useTranslation } from "react-i18next";
import { Button } from "./button";
import { useReturnFocus } from "./return-focus";

type ConfirmProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  text: string;
  confirm: string;
  onConfirm: () => void;
};

/** Asks before something is lost. The harmless choice has the focus. */
export function Confirm({ open, onOpenChange, title, text, confirm, onConfirm }: ConfirmProps) {
  const { t } = useTranslation();
  const focus = useReturnFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-overlay data-[state=open]:animate-in data-[state=open]:fade-in-0" />
        <Radix.Content
          data-slot="confirm"
          className="fixed top-1/2 left-1/2 z-50 grid w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 gap-3 rounded-2xl border bg-popover p-6 shadow-panel outline-none data-[state=open]:animate-in data-[state=open]:fade-in-0 data-[state=open]:zoom-in-97"
          {...focus}
        >
          <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
          <Radix.Description className="[overflow-wrap:anywhere] text-muted-foreground">
            {text}
          </Radix.Description>
          <div className="mt-3 flex justify-end gap-2">
            <Radix.Cancel asChild>
              <Button variant="outline">{t("app.cancel")}</Button>
            </Radix.Cancel>
            <Radix.Action asChild>
              <Button variant="danger" onClick={onConfirm}>
                {confirm}
              </Button>
            </Radix.Action>
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

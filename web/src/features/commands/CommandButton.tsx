import { useTranslation } from "react-i18next";
import type { ComponentProps } from "react";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { useApp } from "@/lib/app";
import { command } from "./all";
import type { Target } from "./command";

type Props = ComponentProps<typeof Button> & { id: string; target?: Target; label?: string };

/** A command as an icon with a tooltip that names it and its keys. */
export function CommandButton({ id, target = { chatId: null }, label, ...props }: Props) {
  const app = useApp();
  const { t } = useTranslation();
  const { icon: Icon, keys, perform, label: name } = command(id);
  return (
    <Tooltip label={label ?? t(name)} keys={keys}>
      <Button
        variant="ghost"
        size="icon"
        aria-label={label ?? t(name)}
        onClick={() => void perform(app, target)}
        {...props}
      >
        <Icon />
      </Button>
    </Tooltip>
  );
}

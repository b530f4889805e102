import type { LucideIcon } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";

type Props = { icon: LucideIcon; label: string; onClick: () => void; disabled?: boolean };

export function IconAction({ icon: Icon, label, onClick, disabled = false }: Props) {
  return (
    <Tooltip label={label}>
      <Button variant="ghost" size="icon-sm" aria-label={label} onClick={onClick} disabled={disabled}>
        <Icon />
      </Button>
    </Tooltip>
  );
}

import { useTranslation } from "react-i18next";
import { KeyCaps } from "@/components/ui/key-caps";
import { MenuItem } from "@/components/ui/menu";
import { useApp } from "@/lib/app";
import { command } from "./all";
import { isAvailable, type Target } from "./command";

/** Commands as items of a menu: those of `ids` that can be done now, in this order. */
export function CommandMenuItems({ ids, target }: { ids: string[]; target: Target }) {
  const app = useApp();
  const { t } = useTranslation();
  return ids
    .map(command)
    .filter((c) => isAvailable(c, app, target))
    .map((c) => (
      <MenuItem key={c.id} danger={c.danger ?? false} onSelect={() => void c.perform(app, target)}>
        <c.icon aria-hidden />
        {t(c.label)}
        {c.keys !== undefined && <KeyCaps keys={c.keys} />}
      </MenuItem>
    ));
}

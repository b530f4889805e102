import { useTranslation } from "react-i18next";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { KeyCaps } from "@/components/ui/key-caps";
import { useStore } from "@/lib/store";
import { show, ui } from "@/lib/ui";
import { commands } from "./all";

export function ShortcutsDialog() {
  const open = useStore(ui, (state) => state.shortcuts);
  const { t } = useTranslation();
  const rows = [
    { id: "send", label: t("commands.sendKey"), keys: "enter" },
    { id: "newline", label: t("commands.newlineKey"), keys: "shift+enter" },
    { id: "editLast", label: t("commands.editLastKey"), keys: "arrowup" },
    ...commands.flatMap((c) => (c.keys === undefined ? [] : [{ id: c.id, label: t(c.label), keys: c.keys }])),
  ];
  return (
    <Dialog open={open} onOpenChange={(shortcuts) => show({ shortcuts })}>
      <DialogContent>
        <DialogTitle>{t("commands.shortcuts")}</DialogTitle>
        <dl className="divide-y text-sm">
          {rows.map((row) => (
            <div key={row.id} className="flex items-center justify-between gap-4 py-1.75">
              <dt>{row.label}</dt>
              <dd>
                <KeyCaps keys={row.keys} />
              </dd>
            </div>
          ))}
        </dl>
      </DialogContent>
    </Dialog>
  );
}

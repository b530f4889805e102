import { useEffect } from "react";
import { useApp } from "@/lib/app";
import { matches } from "@/lib/keys";
import { commands } from "./all";
import { isAvailable } from "./command";

/** Listens for the keys of every command. Keys that something nearer has used (a menu's Escape) are left alone. */
export function useShortcuts(chatId: string | null) {
  const app = useApp();
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent) {
      if (event.defaultPrevented || event.isComposing || event.repeat) return;
      const inDialog = document.querySelector("[role=dialog], [role=alertdialog], [role=menu]") !== null;
      const target = { chatId };
      const hit = commands.find(
        (c) => c.keys !== undefined && matches(c.keys, event) && isAvailable(c, app, target),
      );
      if (!hit || (inDialog && hit.id !== "view.palette")) return;
      event.preventDefault();
      void hit.perform(app, target);
    }
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [app, chatId]);
}

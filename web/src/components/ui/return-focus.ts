import { useRef } from "react";
import { focusPage } from "@/lib/ui";

/**
 * Props for a dialog that commands open. Radix gives the focus back to the trigger that opened a dialog; these have
 * none, so it goes back to where it was, or to the message box or the page's content when that is gone (a menu's item,
 * a deleted row) or there was none (a link that opens a dialog).
 */
export function useReturnFocus() {
  const before = useRef<Element>(null);
  return {
    onOpenAutoFocus: () => {
      before.current = document.activeElement;
    },
    onCloseAutoFocus: (event: Event) => {
      event.preventDefault();
      const { current } = before;
      if (current instanceof HTMLElement && current.isConnected && current !== document.body) current.focus();
      else focusPage();
    },
  };
}

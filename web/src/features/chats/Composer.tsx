import { ArrowUp, Square } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { setDraft } from "@/lib/drafts";
import { useStore } from "@/lib/store";
import { composerId, keepFocus, show, ui } from "@/lib/ui";
import { AutosizeTextarea } from "./AutosizeTextarea";

type Props = {
  /** "" for a chat that is not begun. */
  chatId: string;
  busy: boolean;
  stopping: boolean;
  lastQuestion: string | null;
  /** Whether the cursor is here when the page opens. */
  focusFirst: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
};

/** Where messages are written. While an answer runs, the next message can be written but not sent. */
export function Composer({ chatId, busy, stopping, lastQuestion, focusFirst, onSend, onStop }: Props) {
  const { t } = useTranslation();
  const text = useStore(ui, (state) => state.drafts[chatId] ?? "");
  const canSend = text.trim() !== "" && !busy;

  function send() {
    if (!canSend) return;
    setDraft(chatId, "");
    onSend(text.trim());
    keepFocus();
  }

  return (
    <form
      data-slot="composer"
      className="flex items-end gap-2 rounded-3xl border border-input bg-card p-2 shadow-panel transition-colors focus-within:border-ring"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <AutosizeTextarea
        id={composerId}
        // A chat page is for writing; on touch screens no keyboard pops up.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus={focusFirst}
        value={text}
        onValue={(value) => setDraft(chatId, value)}
        onEnter={send}
        onKeyUp={(event) => {
          if (event.key === "ArrowUp" && text === "" && lastQuestion !== null && !busy)
            show({ editing: lastQuestion });
        }}
        placeholder={t("chat.placeholder")}
        aria-label={t("chat.yourMessage")}
        enterKeyHint="enter"
        className="min-h-10 px-3 py-2"
      />
      {busy ? (
        <Tooltip label={t("chat.stop")} keys="escape" side="top">
          <Button
            size="icon"
            className="size-10 rounded-full"
            aria-label={stopping ? t("chat.stopping") : t("chat.stop")}
            aria-disabled={stopping}
            onClick={() => {
              onStop();
              keepFocus();
            }}
          >
            <Square className="fill-current" />
          </Button>
        </Tooltip>
      ) : (
        <Tooltip label={t("chat.send")} keys="enter" side="top">
          <Button
            type="submit"
            size="icon"
            className="size-10 rounded-full"
            aria-label={t("chat.send")}
            aria-disabled={!canSend}
          >
            <ArrowUp className="size-5!" />
          </Button>
        </Tooltip>
      )}
    </form>
  );
}

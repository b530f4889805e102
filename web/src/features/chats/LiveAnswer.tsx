import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { nextAnnouncement } from "./announce";
import { textOf } from "./reducer";

type Told = { id: string; upTo: number; lines: string[] };

/**
 * Reads a growing answer to a screen reader, sentence by sentence. The messages themselves are no live region:
 * a change with every token would never be read to its end.
 */
export function LiveAnswer({ message }: { message: Message | undefined }) {
  const { t } = useTranslation();
  const [told, setTold] = useState<Told | null>(null);

  useEffect(() => {
    if (!message) return;
    const running = message.state === "in_progress";
    setTold((before) => {
      // An answer that was whole when the chat was opened is read by moving to it.
      if (before?.id !== message.id && !running) return before;
      const model = message.served_model ?? message.model ?? "";
      const start = { id: message.id, upTo: 0, lines: [t("chat.announceStart", { model })] };
      const from = before?.id === message.id ? before : start;
      if (from.upTo === Infinity) return from;
      const { say, told: upTo } = nextAnnouncement(textOf(message), from.upTo, !running);
      const endings = {
        completed: t("chat.announceDone"),
        stopped: t("chat.announceStopped"),
        failed: t("chat.announceFailed"),
      };
      const news = [say, message.state === "in_progress" ? "" : endings[message.state]].filter(
        (line) => line !== "",
      );
      if (news.length === 0 && from === before) return before;
      return { id: message.id, upTo: running ? upTo : Infinity, lines: [...from.lines, ...news].slice(-8) };
    });
  }, [message, t]);

  return (
    <div className="sr-only" role="log" aria-live="polite" aria-relevant="additions" data-slot="live-answer">
      {told?.lines.map((line, i) => (
        <p key={`${told.id}-${i}-${line}`}>{line}</p>
      ))}
    </div>
  );
}

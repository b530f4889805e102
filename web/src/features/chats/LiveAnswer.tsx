import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { nextAnnouncement } from "./announce";
import { textOf } from "./reducer";

const kept = 8; // lines; readers take new ones only

/**
 * Reads a growing answer to a screen reader, sentence by sentence. The messages themselves are no live region:
 * a change with every token would never be read to its end.
 */
export function LiveAnswer({ message }: { message: Message | undefined }) {
  const { t } = useTranslation();
  const region = useRef<HTMLDivElement>(null);
  const told = useRef<{ id: string; upTo: number; ended: boolean }>(null);

  useEffect(() => {
    if (!message) return;
    const say = (line: string) => {
      if (!region.current || line === "") return;
      const p = document.createElement("p");
      p.textContent = line;
      region.current.append(p);
      while (region.current.childElementCount > kept) region.current.firstElementChild?.remove();
    };
    const running = message.state === "in_progress";
    if (told.current?.id !== message.id) {
      // An answer that was whole when the chat was opened is read by moving to it.
      told.current = { id: message.id, upTo: 0, ended: !running };
      if (running) say(t("chat.announceStart", { model: message.served_model ?? message.model ?? "" }));
    }
    if (told.current.ended) return;
    const next = nextAnnouncement(textOf(message), told.current.upTo, !running);
    say(next.say);
    told.current = { id: message.id, upTo: next.told, ended: !running };
    if (message.state === "completed") say(t("chat.announceDone"));
    if (message.state === "stopped") say(t("chat.announceStopped"));
    if (message.state === "failed") say(t("chat.announceFailed"));
  }, [message, t]);

  return (
    <div
      ref={region}
      className="sr-only"
      role="log"
      aria-live="polite"
      aria-relevant="additions"
      data-slot="live-answer"
    />
  );
}

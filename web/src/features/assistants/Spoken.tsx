import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { nextAnnouncement } from "@/features/chats/announce";
import { isActive, type Live, textOf } from "./live";

const kept = 8; // lines; readers take new ones only

/** Reads to a screen reader what a run does: steps as they begin, the answer sentence by sentence, the end. */
export function Spoken({ live }: { live: Live }) {
  const { t } = useTranslation();
  const region = useRef<HTMLDivElement>(null);
  /** What was told of each object. Null until a run is seen that goes on: history is read by moving to it. */
  const told = useRef<{ run: string; texts: Map<string, number>; seen: Set<string>; status: string }>(null);

  useEffect(() => {
    const { run } = live;
    if (run === null) return;
    const say = (line: string) => {
      if (!region.current || line === "") return;
      const p = document.createElement("p");
      p.textContent = line;
      region.current.append(p);
      while (region.current.childElementCount > kept) region.current.firstElementChild?.remove();
    };
    if (told.current?.run !== run.id) {
      if (!isActive(run)) return;
      told.current = { run: run.id, texts: new Map(), seen: new Set(), status: "" };
      say(t("assistants.spoken.start"));
    }
    const now = told.current;
    for (const step of live.steps) {
      if (step.run_id !== run.id) continue;
      for (const call of step.step_details.tool_calls ?? []) {
        if (call.id === "" || now.seen.has(call.id)) continue;
        now.seen.add(call.id);
        say(call.function?.name ?? t(`assistants.kinds.${call.type}`));
      }
    }
    for (const message of live.messages) {
      if (message.run_id !== run.id) continue;
      const ended = message.status !== "in_progress";
      const next = nextAnnouncement(textOf(message), now.texts.get(message.id) ?? 0, ended);
      say(next.say);
      now.texts.set(message.id, next.told);
    }
    if (now.status !== run.status && !isActive(run)) say(t(`assistants.statuses.${run.status}`));
    now.status = run.status;
  }, [live, t]);

  return (
    <div
      ref={region}
      className="sr-only"
      role="log"
      aria-live="polite"
      aria-relevant="additions"
      data-slot="spoken"
    />
  );
}

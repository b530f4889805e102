import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "@/lib/store";
import { changeText, playground } from "./playground";
import { Probabilities } from "./Probabilities";
import { RunBar } from "./RunBar";

// The text and what lies behind it must break their lines at the same places.
const shape =
  "px-4 py-4 md:px-6 leading-7 whitespace-pre-wrap [overflow-wrap:anywhere] [scrollbar-gutter:stable] [tab-size:4]";

/** One text that the model goes on with, or fills where [insert] stands. What it wrote last is marked. */
export function CompletePane() {
  const { t } = useTranslation();
  const text = useStore(playground, (state) => state.setup.text);
  const mark = useStore(playground, (state) => state.mark);
  const running = useStore(playground, (state) => state.run?.state === "running");
  const area = useRef<HTMLTextAreaElement>(null);
  const behind = useRef<HTMLDivElement>(null);

  // What is being written stays in sight.
  useEffect(() => {
    const field = area.current;
    if (running && field && mark?.end === text.length) field.scrollTop = field.scrollHeight;
    if (field && behind.current) behind.current.scrollTop = field.scrollTop;
  }, [running, text, mark]);

  return (
    <>
      <div className="relative min-h-40 grow">
        <div
          ref={behind}
          aria-hidden
          className={`pointer-events-none absolute inset-0 overflow-hidden text-transparent ${shape}`}
        >
          {mark ? (
            <>
              {text.slice(0, mark.start)}
              <mark data-slot="completion" className="rounded-xs bg-token-2 text-transparent">
                {text.slice(mark.start, mark.end)}
              </mark>
              {text.slice(mark.end)}
            </>
          ) : (
            text
          )}
          {"\n"}
        </div>
        <textarea
          ref={area}
          data-slot="playground-text"
          aria-label={t("playground.text")}
          aria-describedby="playground-text-hint"
          aria-busy={running}
          readOnly={running}
          value={text}
          placeholder={t("playground.textHint")}
          onChange={(event) => changeText(event.target.value)}
          onScroll={(event) => {
            if (behind.current) behind.current.scrollTop = event.currentTarget.scrollTop;
          }}
          className={`absolute inset-0 size-full resize-none overflow-y-auto bg-transparent outline-none placeholder:text-muted-foreground focus-visible:ring-2 focus-visible:ring-ring/40 focus-visible:ring-inset ${shape}`}
        />
      </div>
      <p id="playground-text-hint" className="border-t px-4 py-2 text-xs text-muted-foreground md:px-6">
        {t("playground.insertHint")}
      </p>
      <div className="px-4 pb-2 md:px-6">
        <Probabilities />
      </div>
      <RunBar />
    </>
  );
}

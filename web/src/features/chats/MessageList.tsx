import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { Button } from "@/components/ui/button";
import { useApp } from "@/lib/app";
import { useStore } from "@/lib/store";
import { focusComposer, keepFocus, show, ui } from "@/lib/ui";
import { turnTo } from "./api";
import { AssistantMessage, Answerer, Waiting } from "./AssistantMessage";
import { regenerate } from "./commands";
import { LiveAnswer } from "./LiveAnswer";
import type { ChatState } from "./reducer";
import type { Run } from "./runs";
import { newestLeaf, pathTo } from "./tree";
import { useGradually } from "./useGradually";
import { useStickToBottom } from "./useStickToBottom";
import { Bubble, UserMessage } from "./UserMessage";

type Props = { chat: ChatState; run: Run | undefined; model: string };

/** The shown path of a chat, and below it what is on its way. */
export function MessageList({ chat, run, model }: Props) {
  const app = useApp();
  const { t } = useTranslation();
  const editing = useStore(ui, (state) => state.editing);
  const { scroller, content, atBottom, toBottom } = useStickToBottom();

  const { id, messages } = chat;
  const sending = run?.phase === "sending";
  // Until the server has taken the message, the place it will have is shown, by the parent it will have.
  const taken =
    !sending || messages.some((m) => m.parent_id === run.parentId && m.id === chat.current_message_id);
  const leaf = taken ? chat.current_message_id : run.parentId;
  const path = useMemo(() => pathTo(messages, leaf), [messages, leaf]);
  const lastId = path.at(-1)?.message.id;
  const busy = run !== undefined || path.some((s) => s.message.state === "in_progress");
  const answer = path.findLast((s) => s.message.role === "assistant")?.message;

  const list = useRef<HTMLDivElement>(null);
  const count = useGradually(path.length, list);
  const attach = useCallback(
    (element: HTMLDivElement | null) => {
      list.current = element;
      content(element);
    },
    [content],
  );

  useEffect(() => {
    if (run) toBottom();
  }, [run, toBottom]);

  // One identity for each chat: a message that has not changed is not rendered again while another grows.
  const actions = useMemo(
    () => ({
      turn: (messageId: string) => void turnTo(app.queryClient, id, newestLeaf(messages, messageId)),
      edit: (editing: string | null) => {
        show({ editing });
        if (editing === null) requestAnimationFrame(focusComposer);
      },
      send: (message: Message, text: string) => {
        show({ editing: null });
        requestAnimationFrame(focusComposer);
        void app.runs.start({ chatId: id, parentId: message.parent_id, text, model });
      },
      regenerate: (messageId: string) => {
        keepFocus(); // the button that was pressed goes away
        void regenerate(app, id, messageId);
      },
    }),
    [app, id, messages, model],
  );

  return (
    <div className="relative min-h-0 grow">
      <section
        ref={scroller}
        tabIndex={0}
        aria-label={t("chat.conversation")}
        className="h-full overflow-y-auto [mask-image:linear-gradient(transparent,black_0.75rem,black_calc(100%-0.75rem),transparent)] outline-none [overflow-anchor:none]"
      >
        <div ref={attach} className="mx-auto flex w-full max-w-3xl flex-col gap-5 px-4 pt-6 pb-10 md:px-6">
          {/* By place, not by message: the button that turns to another version keeps the focus. */}
          {path
            .slice(-count)
            .map((step) =>
              step.message.role === "assistant" ? (
                <AssistantMessage
                  key={step.message.parent_id}
                  step={step}
                  last={step.message.id === lastId}
                  busy={busy}
                  onRegenerate={actions.regenerate}
                  onTurn={actions.turn}
                />
              ) : (
                <UserMessage
                  key={step.message.parent_id ?? "root"}
                  step={step}
                  editing={editing === step.message.id}
                  busy={busy}
                  onEdit={actions.edit}
                  onSend={actions.send}
                  onTurn={actions.turn}
                />
              ),
            )}
          {sending && !taken && <Pending run={run} />}
        </div>
      </section>
      {!atBottom && (
        <Button
          variant="outline"
          size="sm"
          className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full bg-card shadow-panel"
          onClick={() => toBottom("smooth")}
        >
          <ArrowDown />
          {t("chat.latest")}
        </Button>
      )}
      <LiveAnswer key={id} message={answer} />
    </div>
  );
}

function Pending({ run }: { run: Run }) {
  return (
    <>
      {run.text !== null && (
        <div className="flex flex-col items-end pb-9" data-slot="pending">
          <Bubble text={run.text} />
        </div>
      )}
      <div>
        <Answerer model={run.model} served={null} />
        <Waiting model={run.model} />
      </div>
    </>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { isNotFound, Unreachable } from "@/api/errors";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { chatModels, modelsQuery, pickModel } from "@/features/models/api";
import { PageHeader } from "@/features/shell/PageHeader";
import { chooseModel, preferences } from "@/features/settings/preferences";
import { useApp } from "@/lib/app";
import { setDraft } from "@/lib/drafts";
import { touch, useMedia } from "@/lib/media";
import { useStore } from "@/lib/store";
import { focusComposer, show, ui } from "@/lib/ui";
import { toast } from "@/components/ui/toaster";
import { chatQuery, createChat, forgetChat } from "./api";
import { ChatHeader } from "./ChatHeader";
import { stopAnswer } from "./commands";
import { Composer } from "./Composer";
import { MessageList } from "./MessageList";
import type { Refusal } from "./runs";
import { pathTo } from "./tree";
import { Welcome } from "./Welcome";

/** The page of one chat. */
export function ChatPage({ chatId }: { chatId: string }) {
  const app = useApp();
  const { t } = useTranslation();
  const { data: chat, error, refetch } = useQuery(chatQuery(app, chatId));
  const run = useStore(app.runs.store, (state) => state.active[chatId]);
  const refused = useStore(app.runs.store, (state) => state.refused[chatId]);
  const chosen = useStore(ui, (state) => state.chosenModels[chatId]);
  const onTouch = useMedia(touch);
  const models = chatModels(useQuery(modelsQuery).data);
  const model = pickModel(models, chosen, chat?.model);

  useEffect(() => () => show({ editing: null }), []);
  useTitle(chat?.title);
  useGiveBack(refused);
  // Deleted in another window while it was open here: there is nothing to come back to.
  const gone = chat !== undefined && isNotFound(error);
  useEffect(() => {
    if (!gone) return;
    const words = ui.get().drafts[chatId];
    forgetChat(app.queryClient, chatId);
    if (words && !ui.get().drafts[""]) setDraft("", words);
    toast(t("chat.gone"));
    app.go.home();
  }, [gone, app, chatId, t]);

  if (!chat) {
    return (
      <div className="flex h-full flex-col">
        {error ? <PageHeader>{null}</PageHeader> : <ChatHeader model={model} onModel={() => undefined} />}
        {error && (
          <Missing
            title={isNotFound(error) ? t("chat.missing") : t("chat.loadFailed")}
            hint={isNotFound(error) ? t("chat.missingHint") : error.message}
            onRetry={isNotFound(error) ? undefined : () => void refetch()}
          />
        )}
      </div>
    );
  }

  const path = pathTo(chat.messages, chat.current_message_id);
  const running = path.some((step) => step.message.state === "in_progress");
  const lost = running && run === undefined;
  const name = model?.id ?? chat.model;

  function send(text: string) {
    const parentId = chat?.current_message_id ?? null;
    void app.runs.start({ chatId, parentId, text, model: name });
  }

  return (
    <div className="flex h-full flex-col">
      <ChatHeader
        chat={chat}
        model={model}
        onModel={(id) => show({ chosenModels: { ...ui.get().chosenModels, [chatId]: id } })}
      />
      <MessageList key={chatId} chat={chat} run={run} model={name} />
      <Dock>
        {lost && <Notice role="status">{t("chat.lost")}</Notice>}
        {refused && <NotSent refused={refused} onClose={() => app.runs.forgive(chatId)} />}
        <Composer
          key={chatId}
          chatId={chatId}
          busy={run !== undefined || running}
          stopping={run?.stopping ?? false}
          lastQuestion={path.findLast((step) => step.message.role === "user")?.message.id ?? null}
          focusFirst={!onTouch}
          onSend={send}
          onStop={() => void stopAnswer(app, chatId)}
        />
      </Dock>
    </div>
  );
}

/** The page where a chat begins. */
export function NewChatPage() {
  const app = useApp();
  const { t } = useTranslation();
  const onTouch = useMedia(touch);
  const wish = useStore(preferences, (p) => p.model);
  const models = chatModels(useQuery(modelsQuery).data);
  const model = pickModel(models, wish);
  useTitle(undefined);

  async function send(text: string) {
    try {
      // Somebody may write faster than the list of models comes.
      const known = chatModels(await app.queryClient.query({ ...modelsQuery, staleTime: "static" }));
      const asked = pickModel(known, wish);
      if (!asked) throw new Error(t("models.empty"));
      const chat = await createChat(app, asked.id);
      void app.runs.start({ chatId: chat.id, parentId: null, text, model: asked.id });
      app.go.chat(chat.id);
    } catch (error) {
      setDraft("", text);
      toast(error instanceof Unreachable ? t("chat.notSentUnreachable") : errorText(error), "danger");
    }
  }

  return (
    <div className="flex h-full flex-col">
      <ChatHeader model={model} onModel={chooseModel} />
      <Welcome
        model={model}
        onExample={(text) => {
          setDraft("", text);
          focusComposer();
        }}
      />
      <Dock>
        <Composer
          chatId=""
          busy={false}
          stopping={false}
          lastQuestion={null}
          focusFirst={!onTouch}
          onSend={(text) => void send(text)}
          onStop={() => undefined}
        />
      </Dock>
    </div>
  );
}

function Dock({ children }: { children: React.ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="mx-auto flex w-full max-w-3xl flex-col gap-2 px-3 pb-[max(0.5rem,env(safe-area-inset-bottom))] md:px-6">
      {children}
      <p className="text-center text-xs text-muted-foreground">{t("chat.disclaimer")}</p>
    </div>
  );
}

function NotSent({ refused, onClose }: { refused: Refusal; onClose: () => void }) {
  const { t } = useTranslation();
  const { error } = refused;
  return (
    <Notice tone="danger" role="alert">
      <div className="min-w-48 grow">
        <p className="font-medium">{t("chat.notSent")}</p>
        <p>{error instanceof Unreachable ? t("chat.notSentUnreachable") : errorText(error)}</p>
      </div>
      <Button variant="outline" size="sm" onClick={onClose} className="text-foreground">
        {t("app.close")}
      </Button>
    </Notice>
  );
}

function Missing({
  title,
  hint,
  onRetry,
}: {
  title: string;
  hint: string;
  onRetry: (() => void) | undefined;
}) {
  const app = useApp();
  const { t } = useTranslation();
  return (
    <div className="m-auto flex max-w-md flex-col items-center gap-3 p-6 text-center">
      <h1 className="text-xl font-semibold">{title}</h1>
      <p className="text-muted-foreground">{hint}</p>
      <div className="mt-2 flex gap-2">
        {onRetry && <Button onClick={onRetry}>{t("app.retry")}</Button>}
        <Button variant="outline" onClick={app.go.home}>
          {t("nav.newChat")}
        </Button>
      </div>
    </div>
  );
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function useTitle(title: string | undefined) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = title ? `${title} · ${t("app.name")}` : t("app.name");
  }, [title, t]);
}

/** Words that the server did not take go back into the message box, unless others stand there already. */
function useGiveBack(refused: Refusal | undefined) {
  useEffect(() => {
    const ask = refused?.ask;
    if (!ask?.text) return;
    if (!ui.get().drafts[ask.chatId]) setDraft(ask.chatId, ask.text);
  }, [refused]);
}

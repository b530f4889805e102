import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ChevronLeft, Code, MessageSquarePlus, Pencil, RotateCcw } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { isNotFound } from "@/api/errors";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { ErrorBox, SkeletonLines } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Select } from "@/components/ui/select";
import { Choice } from "@/components/ui/toggle-group";
import { CodeBlock } from "@/features/chats/CodeBlock";
import { useStickToBottom } from "@/features/chats/useStickToBottom";
import { sessionQuery } from "@/features/session/api";
import { useMay } from "@/features/session/may";
import { useStore } from "@/lib/store";
import { Ask } from "./Ask";
import { AssistantForm } from "./AssistantForm";
import { nameOf, ToolBadges } from "./AssistantsPage";
import { assistantQuery } from "./api";
import { bench, openThread, reload } from "./bench";
import { grammar, type Language, languages, program } from "./code";
import { RunState } from "./RunState";
import { Spoken } from "./Spoken";
import { known } from "./threads";
import { Timeline } from "./Timeline";
import type { Assistant } from "./types";

/** The playground of an assistant: a thread with it, and everything that its runs do. */
export function AssistantPage() {
  const { t } = useTranslation();
  const { assistantId = "" } = useParams({ strict: false });
  const { data: session } = useQuery(sessionQuery);
  const query = useQuery(assistantQuery(assistantId));
  const assistant = query.data;
  const title = assistant ? nameOf(assistant) : query.error ? t("assistants.missing") : "…";
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);
  return (
    <div className="flex h-full min-h-0 flex-col" data-slot="assistant">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2.5 md:px-6">
        <Link
          to="/console/assistants"
          aria-label={t("assistants.back")}
          className="-ml-1 rounded text-muted-foreground hover:text-foreground"
        >
          <ChevronLeft className="size-5" aria-hidden />
        </Link>
        <h1 className="min-w-0 text-lg font-semibold [overflow-wrap:anywhere]">{title}</h1>
        {assistant && <Actions />}
      </header>
      {query.error && (
        <div className="p-4">
          <ErrorBox
            error={query.error}
            title={isNotFound(query.error) ? t("assistants.missing") : undefined}
            onRetry={() => void query.refetch()}
          />
        </div>
      )}
      {query.isPending && (
        <div className="p-6">
          <SkeletonLines />
        </div>
      )}
      {assistant && session && <Playground assistant={assistant} project={session.project.id} />}
      {assistant && <Dialogs assistant={assistant} />}
    </div>
  );
}

function Actions() {
  const { t } = useTranslation();
  const write = useMay("assistants.write");
  const edit = useDialogParam("edit");
  const code = useDialogParam("code");
  const [, setParams] = useParamsState();
  const { assistant, project, thread } = useStore(bench, (all) => all);
  const threads = useStore(known, (all) => all).filter(
    (one) => one.project === project && one.assistant === assistant,
  );
  return (
    <>
      <span className="grow max-sm:hidden" />
      <Select
        aria-label={t("assistants.thread")}
        className="w-48 text-sm [&>select]:h-9"
        value={thread ?? ""}
        onChange={(event) => setParams({ thread: event.target.value || undefined }, { push: true })}
      >
        <option value="">{t("assistants.newThread")}</option>
        {thread !== null && !threads.some(({ id }) => id === thread) && (
          <option value={thread}>{thread}</option>
        )}
        {threads.map(({ id, title }) => (
          <option key={id} value={id}>
            {title === "" ? id : title}
          </option>
        ))}
      </Select>
      {write && (
        <Button
          variant="outline"
          aria-label={t("assistants.newThread")}
          disabled={thread === null}
          onClick={() => setParams({ thread: undefined }, { push: true })}
        >
          <MessageSquarePlus aria-hidden />
        </Button>
      )}
      <Button variant="outline" onClick={() => code.show()}>
        <Code aria-hidden />
        <span className="max-sm:sr-only">{t("assistants.code")}</span>
      </Button>
      {write && (
        <Button variant="outline" onClick={() => edit.show()}>
          <Pencil aria-hidden />
          <span className="max-sm:sr-only">{t("assistants.edit")}</span>
        </Button>
      )}
    </>
  );
}

function Playground({ assistant, project }: { assistant: Assistant; project: string }) {
  const { t } = useTranslation();
  const write = useMay("assistants.write");
  const [{ thread }, setParams] = useParamsState();
  const { thread: shown, live, state, error, earlier } = useStore(bench, (all) => all);
  const { scroller, content } = useStickToBottom();

  useEffect(() => {
    void openThread(assistant.id, project, thread ?? null);
  }, [assistant.id, project, thread]);
  // A thread that was just made gets its address.
  useEffect(() => {
    const now = bench.get();
    if (now.assistant === assistant.id && now.thread === shown && shown !== null && shown !== thread)
      setParams({ thread: shown });
  }, [assistant.id, shown, thread, setParams]);

  const blank = live.messages.length === 0 && live.steps.length === 0 && state === "idle" && !error;
  return (
    <div className="flex min-h-0 grow flex-col">
      <div ref={scroller} className="relative min-h-0 grow overflow-y-auto">
        <div ref={content} className="mx-auto grid w-full max-w-4xl gap-4 px-4 py-5 *:min-w-0 md:px-6">
          {blank && <About assistant={assistant} />}
          {state === "loading" && <SkeletonLines lines={5} />}
          {earlier && shown !== null && (
            <Link className="text-sm underline" to="/console/threads/$threadId" params={{ threadId: shown }}>
              {t("assistants.earlier")}
            </Link>
          )}
          <Timeline live={live} />
          {live.run && <RunState run={live.run} may={write} busy={state === "running"} />}
          {state === "running" && live.run === null && (
            <p className="text-xs text-muted-foreground">{t("assistants.statuses.queued")}</p>
          )}
          {error !== null && (
            <ErrorBox
              error={error}
              title={t("assistants.failed")}
              onRetry={shown === null ? undefined : () => void reload()}
            />
          )}
          {state === "idle" && live.run && ["queued", "in_progress"].includes(live.run.status) && (
            <span>
              <Button variant="outline" size="sm" onClick={() => void reload()}>
                <RotateCcw aria-hidden />
                {t("assistants.look")}
              </Button>
            </span>
          )}
        </div>
      </div>
      <Spoken live={live} />
      {write && <Ask key={assistant.id} assistant={assistant} />}
    </div>
  );
}

/** What the assistant is, while nothing was said. */
function About({ assistant }: { assistant: Assistant }) {
  const { t } = useTranslation();
  return (
    <div className="grid gap-3 rounded-xl border border-dashed p-5 text-sm" data-slot="about">
      <p className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{assistant.model}</span>
        <ToolBadges tools={assistant.tools} />
      </p>
      {assistant.description !== null && <p>{assistant.description}</p>}
      <p className="line-clamp-6 [overflow-wrap:anywhere] whitespace-pre-wrap text-muted-foreground">
        {assistant.instructions ?? t("assistants.noInstructions")}
      </p>
      <p className="text-muted-foreground">{t("assistants.begin")}</p>
    </div>
  );
}

function Dialogs({ assistant }: { assistant: Assistant }) {
  const { t } = useTranslation();
  const write = useMay("assistants.write");
  const edit = useDialogParam("edit");
  const code = useDialogParam("code");
  const turns = useStore(bench, (all) => all.turns);
  const [language, setLanguage] = useState<Language>("python");
  return (
    <>
      <Dialog open={edit.open && write} onOpenChange={(open) => !open && edit.close()}>
        {edit.open && <AssistantForm assistant={assistant} onDone={edit.close} />}
      </Dialog>
      <Dialog open={code.open} onOpenChange={(open) => !open && code.close()}>
        <DialogContent className="max-h-[90dvh] max-w-3xl overflow-y-auto *:min-w-0">
          <DialogTitle>{t("assistants.code")}</DialogTitle>
          <p className="text-sm text-muted-foreground">{t("assistants.codeLead")}</p>
          <div className="overflow-x-auto">
            <Choice
              label={t("playground.code.language")}
              value={language}
              options={languages.map((value) => ({ value, label: t(`playground.code.languages.${value}`) }))}
              onChange={setLanguage}
            />
          </div>
          <CodeBlock
            code={program(language, assistant.id, turns, `${window.location.origin}/v1`)}
            language={grammar[language]}
          />
        </DialogContent>
      </Dialog>
    </>
  );
}

import { useTranslation } from "react-i18next";
import { Markdown } from "@/features/chats/Markdown";
import { formatNumber } from "@/lib/format";
import { FileImage, FileLink } from "./Files";
import { type Entry, footnoted, type Live, timeline } from "./live";
import { Steps } from "./Steps";
import type { Context, Message, Part, Step } from "./types";

/** A thread: messages, and between them what runs did before they wrote them. */
export function Timeline({ live }: { live: Pick<Live, "messages" | "steps"> }) {
  const { t } = useTranslation();
  return (
    <ol aria-label={t("assistants.thread")} className="grid gap-4 *:min-w-0">
      {timeline(live).map((entry) => (
        <Row key={entry.id} entry={entry} />
      ))}
    </ol>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  if (entry.kind === "step") {
    return (
      <li data-slot="step" data-status={entry.step.status} className="grid gap-2 *:min-w-0">
        <Steps step={entry.step} />
        <Seen step={entry.step} />
      </li>
    );
  }
  const { message, step } = entry;
  return (
    <li
      data-slot="thread-message"
      data-role={message.role}
      data-status={message.status}
      className="grid gap-2 *:min-w-0 data-[role=user]:ml-auto data-[role=user]:max-w-[85%] data-[role=user]:rounded-2xl data-[role=user]:bg-bubble data-[role=user]:px-4 data-[role=user]:py-2.5"
    >
      <span className="sr-only">{t(`assistants.roles.${message.role}`)}</span>
      {message.content.map((part, i) => (
        <PartView key={i} part={part} role={message.role} />
      ))}
      {message.content.length === 0 && message.status === "in_progress" && <p aria-hidden>…</p>}
      <Attached message={message} />
      {message.incomplete_details && (
        <p className="text-sm text-warning">
          {t("assistants.incomplete", { reason: message.incomplete_details.reason })}
        </p>
      )}
      {step && <Seen step={step} />}
    </li>
  );
}

function PartView({ part, role }: { part: Part; role: Message["role"] }) {
  const { t } = useTranslation();
  if (part.image_file) return <FileImage file={part.image_file.file_id} />;
  if (part.image_url) {
    const { url } = part.image_url;
    return (
      <a className="underline" href={url} target="_blank" rel="noopener noreferrer">
        {t("chat.imageLink", { alt: url.slice(0, 80) })}
      </a>
    );
  }
  if (part.refusal !== undefined) return <p className="text-muted-foreground">{part.refusal}</p>;
  const { value = "", annotations = [] } = part.text ?? {};
  if (role === "user") return <p className="[overflow-wrap:anywhere] whitespace-pre-wrap">{value}</p>;
  const { text, notes } = footnoted(value, annotations);
  const made = [...new Set(annotations.flatMap((a) => (a.file_path ? [a.file_path.file_id] : [])))];
  return (
    <>
      <Markdown text={text} />
      {notes.length > 0 && (
        <ol data-slot="footnotes" className="grid gap-1 border-l-2 pl-3 text-sm text-muted-foreground">
          {notes.map((note, i) => (
            <li key={i} className="[overflow-wrap:anywhere]">
              [{i + 1}] {note.file_citation && <FileLink file={note.file_citation.file_id} />}
              {note.file_citation?.quote !== undefined && note.file_citation.quote !== "" && (
                <q className="ml-1">{shortened(note.file_citation.quote)}</q>
              )}
            </li>
          ))}
        </ol>
      )}
      {made.length > 0 && (
        <p className="flex flex-wrap gap-2 text-sm">
          <span className="text-muted-foreground">{t("assistants.filesMade")}</span>
          {made.map((file) => (
            <FileLink key={file} file={file} />
          ))}
        </p>
      )}
    </>
  );
}

/** A quote can be a whole chunk: what does not fit is in the step of the search. */
function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function Attached({ message }: { message: Message }) {
  const { t } = useTranslation();
  const files = message.attachments.flatMap(({ file_id }) => (file_id === undefined ? [] : [file_id]));
  if (files.length === 0) return null;
  return (
    <p className="flex flex-wrap gap-2 text-sm">
      <span className="text-muted-foreground">{t("assistants.attached")}</span>
      {files.map((file) => (
        <FileLink key={file} file={file} />
      ))}
    </p>
  );
}

/** What the model saw of the thread in a step, what was left out, and the tokens. */
function Seen({ step }: { step: Step }) {
  const { t } = useTranslation();
  const context = step.context as Context | undefined;
  const { usage } = step;
  if (!context && !usage) return null;
  const left = context?.thread.left_out ?? 0;
  const rows: [string, string][] = [];
  if (context) {
    const { thread } = context;
    rows.push([t("assistants.seen.shown"), formatNumber(thread.shown)]);
    rows.push([t("assistants.seen.leftOut"), formatNumber(thread.left_out)]);
    const found = thread.retrieved_message_ids ?? [];
    if (found.length > 0) rows.push([t("assistants.seen.found"), found.join(", ")]);
    if (thread.summary !== undefined) rows.push([t("assistants.seen.summary"), thread.summary]);
    rows.push([
      t("assistants.seen.tokens"),
      t("assistants.seen.ofWindow", {
        tokens: formatNumber(thread.tokens),
        window: formatNumber(context.window_tokens),
      }),
    ]);
  }
  if (usage) {
    rows.push([
      t("assistants.seen.usage"),
      t("assistants.usage", {
        prompt: formatNumber(usage.prompt_tokens),
        completion: formatNumber(usage.completion_tokens),
      }),
    ]);
  }
  return (
    <details className="text-xs text-muted-foreground" data-slot="seen">
      <summary className="w-fit cursor-pointer rounded">
        {left > 0 ? t("assistants.seen.titleLeft", { left: formatNumber(left) }) : t("assistants.seen.title")}
      </summary>
      <dl className="mt-1.5 grid gap-x-4 gap-y-1 rounded-lg border p-3 sm:grid-cols-[12rem_1fr]">
        {rows.map(([label, value]) => (
          <div key={label} className="contents">
            <dt>{label}</dt>
            <dd className="[overflow-wrap:anywhere] whitespace-pre-wrap text-foreground">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

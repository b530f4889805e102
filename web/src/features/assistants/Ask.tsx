import { ArrowUp, Paperclip, Square } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/select";
import { AutosizeTextarea } from "@/features/chats/AutosizeTextarea";
import { useStore } from "@/lib/store";
import { ask, bench, cancel, isBusy } from "./bench";
import { FileField } from "./FileField";
import type { Assistant, Attachment, Tool, ToolChoice } from "./types";

/** Where messages are written, with files for the tools, and with which tool the model has to begin. */
export function Ask({ assistant }: { assistant: Assistant }) {
  const { t } = useTranslation();
  const busy = useStore(bench, isBusy);
  const waiting = useStore(bench, ({ live }) => live.run?.status === "requires_action");
  const cancelling = useStore(bench, ({ live }) => live.run?.status === "cancelling");
  const [text, setText] = useState("");
  const [files, setFiles] = useState<string[]>([]);
  const [attaching, setAttaching] = useState(false);
  const [chosen, setChosen] = useState("auto");
  const kinds = assistant.tools.flatMap(({ type }) =>
    type === "file_search" || type === "code_interpreter" ? [type] : [],
  );
  const choices = [
    "auto",
    "none",
    ...(assistant.tools.length > 0 ? ["required"] : []),
    ...assistant.tools.map(nameOf),
  ];
  const choice = choices.includes(chosen) ? chosen : "auto";
  const ready = text.trim() !== "" && !busy;

  async function send() {
    if (!ready) return;
    const sent = { text, files };
    setText("");
    setFiles([]);
    setAttaching(false);
    const tools = kinds.map((type) => ({ type }));
    const attachments: Attachment[] = files.map((file_id) => ({ file_id, tools }));
    const tool = assistant.tools.find((one) => nameOf(one) === choice);
    const taken = await ask({
      text: text.trim(),
      attachments,
      choice: tool ? choiceOf(tool) : (choice as ToolChoice),
    });
    if (taken) return;
    // Nothing that was written is lost.
    setText((now) => (now === "" ? sent.text : now));
    setFiles((now) => (now.length === 0 ? sent.files : now));
  }

  return (
    <form
      data-slot="ask"
      className="border-t"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div className="mx-auto grid w-full max-w-4xl gap-2 px-4 py-3 *:min-w-0 md:px-6">
        {(attaching || files.length > 0) && (
          <FileField label={t("assistants.attachments")} max={20} value={files} onChange={setFiles} />
        )}
        <div className="flex items-end gap-2 rounded-3xl border border-input bg-card p-2 focus-within:border-ring">
          {kinds.length > 0 && (
            <Button
              variant="ghost"
              size="icon"
              className="size-10 rounded-full"
              aria-label={t("assistants.attachFiles")}
              aria-pressed={attaching}
              onClick={() => setAttaching((on) => !on)}
            >
              <Paperclip aria-hidden />
            </Button>
          )}
          <AutosizeTextarea
            value={text}
            onValue={setText}
            onEnter={() => void send()}
            placeholder={t("assistants.placeholder")}
            aria-label={t("assistants.message")}
            className="min-h-10 px-3 py-2"
          />
          {busy ? (
            <Button
              size="icon"
              className="size-10 rounded-full"
              aria-label={cancelling ? t("assistants.statuses.cancelling") : t("assistants.cancelRun")}
              aria-disabled={cancelling}
              onClick={() => void cancel()}
            >
              <Square className="fill-current" aria-hidden />
            </Button>
          ) : (
            <Button
              type="submit"
              size="icon"
              className="size-10 rounded-full"
              aria-label={t("assistants.send")}
              aria-disabled={!ready}
            >
              <ArrowUp className="size-5!" aria-hidden />
            </Button>
          )}
        </div>
        <div className="flex min-h-8 flex-wrap items-center gap-x-4 gap-y-1 text-xs text-muted-foreground">
          {assistant.tools.length > 0 && (
            <Select
              aria-label={t("assistants.choice")}
              className="text-sm [&>select]:h-8"
              value={choice}
              onChange={(event) => setChosen(event.target.value)}
            >
              {choices.map((value) => (
                <option key={value} value={value}>
                  {t("assistants.choiceIs", { value })}
                </option>
              ))}
            </Select>
          )}
          {waiting && <span>{t("assistants.waiting")}</span>}
        </div>
      </div>
    </form>
  );
}

/** The tool's name in the list; a function cannot be called as the words of the API are, for the list. */
function nameOf(tool: Tool): string {
  return tool.type === "function" ? `${tool.function?.name ?? ""}()` : tool.type;
}

function choiceOf(tool: Tool): ToolChoice {
  return tool.type === "function"
    ? { type: "function", function: { name: tool.function?.name ?? "" } }
    : { type: tool.type as "file_search" | "code_interpreter" };
}

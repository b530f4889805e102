import { Copy, PencilLine } from "lucide-react";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/api/types";
import { Button } from "@/components/ui/button";
import { AutosizeTextarea } from "./AutosizeTextarea";
import { copyAndTell } from "./commands";
import { IconAction } from "./IconAction";
import { textOf } from "./reducer";
import type { Step } from "./tree";
import { Versions } from "./Versions";

type Props = {
  step: Step;
  editing: boolean;
  busy: boolean;
  onEdit: (messageId: string | null) => void;
  onSend: (message: Message, text: string) => void;
  onTurn: (messageId: string) => void;
};

export const UserMessage = memo(function UserMessage({ step, editing, busy, onEdit, onSend, onTurn }: Props) {
  const { t } = useTranslation();
  const { message } = step;
  const text = textOf(message);
  if (editing) {
    return <Editor text={text} onCancel={() => onEdit(null)} onSend={(edited) => onSend(message, edited)} />;
  }
  return (
    <article
      data-slot="message"
      data-role="user"
      aria-label={t("chat.you")}
      className="group flex flex-col items-end"
    >
      <Bubble text={text} />
      <div className="mt-0.5 -mb-3 flex min-h-8 items-center gap-0.5 group-focus-within:opacity-100 group-hover:opacity-100 pointer-fine:opacity-0 pointer-fine:has-[[data-slot=versions]]:opacity-100">
        <IconAction icon={Copy} label={t("chat.copy")} onClick={() => void copyAndTell(text)} />
        <IconAction
          icon={PencilLine}
          label={t("chat.edit")}
          disabled={busy}
          onClick={() => onEdit(message.id)}
        />
        <Versions step={step} onTurn={onTurn} />
      </div>
    </article>
  );
});

export function Bubble({ text }: { text: string }) {
  return (
    <div className="max-w-[min(36rem,88%)] rounded-2xl rounded-br-md bg-bubble px-4 py-2.5 [overflow-wrap:anywhere] whitespace-pre-wrap">
      {text}
    </div>
  );
}

function Editor({
  text,
  onCancel,
  onSend,
}: {
  text: string;
  onCancel: () => void;
  onSend: (text: string) => void;
}) {
  const { t } = useTranslation();
  const [value, setValue] = useState(text);
  const empty = value.trim() === "";
  return (
    <form
      data-slot="editor"
      className="rounded-2xl border border-input bg-card p-3 focus-within:border-ring focus-within:ring-3 focus-within:ring-ring/20"
      onSubmit={(event) => {
        event.preventDefault();
        if (!empty) onSend(value.trim());
      }}
    >
      <AutosizeTextarea
        // The user asked to edit this: the cursor belongs here.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        value={value}
        onValue={setValue}
        onEnter={() => {
          if (!empty) onSend(value.trim());
        }}
        onEscape={onCancel}
        aria-label={t("chat.edit")}
        className="px-1.5 py-1"
      />
      <div className="mt-2 flex justify-end gap-2">
        <Button variant="outline" size="sm" onClick={onCancel}>
          {t("app.cancel")}
        </Button>
        <Button type="submit" size="sm" disabled={empty}>
          {t("chat.saveEdit")}
        </Button>
      </div>
    </form>
  );
}

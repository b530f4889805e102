import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { TokenMessage } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { useSettled } from "@/lib/settled";
import { chatQuery, type Vocabulary } from "./api";
import { Counts } from "./Counts";
import { Failure } from "./Failure";
import { wellFormed } from "./groups";
import { Prices } from "./Prices";
import { TokenView } from "./TokenView";

const roles = ["system", "user", "assistant"] as const;

type Row = { key: number; role: (typeof roles)[number]; name: string; content: string };

/** What the server counts of the rows. */
function messagesOf(rows: readonly Row[]): TokenMessage[] {
  return rows.map(({ role, name, content }) => ({
    role,
    content: wellFormed(content),
    ...(name.trim() !== "" && { name: wellFormed(name.trim()) }),
  }));
}

/** A chat is counted with what its form costs beside the texts. */
export function ChatTab({ vocabulary, active }: { vocabulary: Vocabulary; active: boolean }) {
  const { t, i18n } = useTranslation();
  const keys = useRef(2);
  const [rows, setRows] = useState<Row[]>([
    { key: 0, role: "system", name: "", content: "" },
    { key: 1, role: "user", name: "", content: "" },
  ]);
  const list = useRef<HTMLOListElement>(null);
  const settledRows = useSettled(rows, 150);
  const messages = useMemo(() => messagesOf(settledRows), [settledRows]);
  const query = useQuery({
    ...chatQuery(vocabulary, messages),
    enabled: active && messages.length > 0,
  });
  const prompt = useMemo(() => ({ messages }), [messages]);
  const answer = messages.length === 0 ? undefined : query.data;
  const busy = rows !== settledRows || query.isFetching;
  const number = new Intl.NumberFormat(i18n.language);

  function change(key: number, part: Partial<Row>) {
    setRows((all) => all.map((row) => (row.key === key ? { ...row, ...part } : row)));
  }

  function add() {
    const next = rows.at(-1)?.role === "user" ? "assistant" : "user";
    setRows([...rows, { key: keys.current++, role: next, name: "", content: "" }]);
    // The new one is there after this event.
    setTimeout(() => list.current?.querySelector<HTMLElement>("li:last-of-type textarea")?.focus(), 0);
  }

  function example() {
    const said = [
      ["system", t("tokenizer.chatExample.system")],
      ["user", t("tokenizer.chatExample.user")],
      ["assistant", t("tokenizer.chatExample.assistant")],
      ["user", t("tokenizer.chatExample.again")],
    ] as const;
    setRows(said.map(([role, content]) => ({ key: keys.current++, role, name: "", content })));
  }

  return (
    <div className="grid gap-5 *:min-w-0">
      <div className="grid gap-2">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h2 className="text-sm font-medium">{t("tokenizer.messages")}</h2>
          <span className="flex gap-1">
            <Button variant="ghost" size="sm" onClick={example}>
              {t("tokenizer.showExample")}
            </Button>
            <Button variant="ghost" size="sm" disabled={rows.length === 0} onClick={() => setRows([])}>
              {t("tokenizer.clear")}
            </Button>
          </span>
        </div>
        <ol ref={list} className="grid gap-3">
          {rows.map((row, i) => (
            <MessageRow
              key={row.key}
              row={row}
              number={i + 1}
              tokens={busy ? undefined : answer?.messages[i]}
              onChange={(part) => change(row.key, part)}
              onRemove={() => setRows((all) => all.filter((other) => other.key !== row.key))}
            />
          ))}
        </ol>
        <span>
          <Button variant="outline" size="sm" onClick={add}>
            <Plus aria-hidden />
            {t("tokenizer.addMessage")}
          </Button>
        </span>
      </div>
      <Counts
        busy={busy}
        counts={[
          { label: t("tokenizer.tokens"), value: answer?.count ?? 0 },
          { label: t("tokenizer.overhead"), value: answer?.overhead ?? 0 },
        ]}
        announce={
          answer && !busy
            ? t("tokenizer.announceChat", {
                tokens: t("tokenizer.tokenCount", {
                  count: answer.count,
                  size: number.format(answer.count),
                }),
                overhead: number.format(answer.overhead),
              })
            : null
        }
      />
      {query.error && messages.length > 0 ? (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      ) : "model" in vocabulary ? (
        <TokenView groups={answer?.groups ?? []} busy={busy} note={note()} />
      ) : (
        <p className="text-sm text-muted-foreground">{t("tokenizer.chatRule")}</p>
      )}
      {messages.length > 0 && <Prices prompt={prompt} active={active} note={t("tokenizer.pricesChat")} />}
    </div>
  );

  function note(): string | undefined {
    if (messages.length === 0) return t("tokenizer.emptyChat");
    if (!answer) return t("tokenizer.countingModel");
    return answer.cutAt !== null ? t("tokenizer.chatTooLong") : undefined;
  }
}

type MessageRowProps = {
  row: Row;
  number: number;
  /** Of the content; not known while counting. */
  tokens: number | undefined;
  onChange: (part: Partial<Row>) => void;
  onRemove: () => void;
};

function MessageRow({ row, number, tokens, onChange, onRemove }: MessageRowProps) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const size = tokens === undefined ? "–" : new Intl.NumberFormat(i18n.language).format(tokens);
  return (
    <li className="grid gap-2 rounded-xl border bg-card p-3">
      <div className="flex flex-wrap items-center gap-2">
        <Select
          aria-label={t("tokenizer.roleOf", { number })}
          value={row.role}
          onChange={(event) => onChange({ role: event.target.value as Row["role"] })}
        >
          {roles.map((role) => (
            <option key={role}>{role}</option>
          ))}
        </Select>
        <Input
          aria-label={t("tokenizer.nameOf", { number })}
          placeholder={t("tokenizer.name")}
          value={row.name}
          maxLength={64}
          spellCheck={false}
          onChange={(event) => onChange({ name: event.target.value })}
          className="w-36 grow sm:grow-0"
        />
        <span className="ml-auto flex items-center gap-2">
          <span className="text-sm text-muted-foreground tabular-nums">
            {t("tokenizer.rowTokens", { size })}
          </span>
          <Button
            variant="ghost"
            size="icon-sm"
            aria-label={t("tokenizer.removeMessage", { number })}
            onClick={onRemove}
          >
            <X />
          </Button>
        </span>
      </div>
      <label htmlFor={id} className="sr-only">
        {t("tokenizer.contentOf", { number })}
      </label>
      <textarea
        id={id}
        rows={2}
        value={row.content}
        onChange={(event) => onChange({ content: event.target.value })}
        placeholder={t("tokenizer.content")}
        className="block w-full resize-y rounded-lg border border-input bg-background px-3 py-2 leading-6 outline-none placeholder:text-muted-foreground focus-visible:border-ring focus-visible:ring-3 focus-visible:ring-ring/25"
      />
    </li>
  );
}

import { ArrowDown, ArrowUp, Plus, Trash2 } from "lucide-react";
import { useEffect, useId, useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { useStore } from "@/lib/store";
import { change, changeTurn, playground } from "./playground";
import { Probabilities } from "./Probabilities";
import { RunBar } from "./RunBar";
import { type Call, type Role, roles, type Turn, turn } from "./setup";

/** A conversation of which everything can be changed: what the assistant is to answer next is what stands there. */
export function ChatPane() {
  const { t } = useTranslation();
  const system = useStore(playground, (state) => state.setup.system);
  const turns = useStore(playground, (state) => state.setup.turns);
  const running = useStore(playground, (state) => state.run?.state === "running");
  const list = useRef<HTMLOListElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();

  // What is being written stays in sight.
  const last = turns.at(-1);
  useEffect(() => {
    if (running) scroller.current?.scrollTo(0, scroller.current.scrollHeight);
  }, [running, last?.content]);

  // The next question is where somebody goes on.
  const was = useRef(false);
  useEffect(() => {
    if (was.current && !running && last?.content === "")
      list.current?.querySelector<HTMLElement>("li:last-of-type textarea")?.focus();
    was.current = running;
  }, [running, last?.content]);

  function move(at: number, by: number) {
    const all = [...turns];
    const [one] = all.splice(at, 1);
    if (one) all.splice(at + by, 0, one);
    change({ turns: all });
  }

  function add() {
    change({ turns: [...turns, turn(last?.role === "user" ? "assistant" : "user")] });
    setTimeout(() => list.current?.querySelector<HTMLElement>("li:last-of-type textarea")?.focus(), 0);
  }

  return (
    <>
      <div
        ref={scroller}
        className="relative grid min-h-0 grow content-start gap-4 overflow-y-auto px-4 py-4 *:min-w-0 md:px-6"
      >
        <div className="grid gap-1.5 rounded-xl border bg-surface p-3">
          <label htmlFor={id} className="text-xs font-semibold tracking-wide text-muted-foreground uppercase">
            {t("playground.roles.system")}
          </label>
          <GrowingText
            id={id}
            value={system}
            placeholder={t("playground.systemHint")}
            onChange={(text) => change({ system: text })}
          />
        </div>
        <ol ref={list} className="grid gap-2">
          {turns.map((one, at) => (
            <TurnRow
              key={one.key}
              turn={one}
              at={at}
              last={at === turns.length - 1}
              busy={running && at === turns.length - 1}
              onMove={(by) => move(at, by)}
              onRemove={() => change({ turns: turns.filter((other) => other.key !== one.key) })}
            />
          ))}
        </ol>
        <span>
          <Button variant="outline" size="sm" onClick={add} disabled={running}>
            <Plus aria-hidden />
            {t("playground.addMessage")}
          </Button>
        </span>
        <Probabilities />
      </div>
      <RunBar />
    </>
  );
}

type RowProps = {
  turn: Turn;
  at: number;
  last: boolean;
  /** The model is writing it. */
  busy: boolean;
  onMove: (by: number) => void;
  onRemove: () => void;
};

function TurnRow({ turn: one, at, last, busy, onMove, onRemove }: RowProps) {
  const { t } = useTranslation();
  const values = { at: at + 1 };
  const set = (part: Partial<Turn>) => changeTurn(one.key, part);
  return (
    <li
      data-slot="turn"
      data-role={one.role}
      aria-busy={busy}
      className="grid gap-1.5 rounded-xl border border-transparent p-2 focus-within:border-border hover:border-border data-[role=assistant]:bg-surface"
    >
      <div className="flex flex-wrap items-center gap-1.5">
        <Select
          aria-label={t("playground.roleOf", values)}
          value={one.role}
          disabled={busy}
          className="w-36 text-sm [&_select]:h-8"
          onChange={(event) => set({ role: event.target.value as Role })}
        >
          {roles.map((role) => (
            <option key={role} value={role}>
              {t(`playground.roles.${role}`)}
            </option>
          ))}
        </Select>
        {(one.role === "function" || one.name !== undefined) && (
          <Input
            aria-label={t("playground.nameOf", values)}
            placeholder={t("playground.name")}
            value={one.name ?? ""}
            className="h-8 w-40 font-mono text-xs"
            onChange={(event) => set({ name: event.target.value })}
          />
        )}
        {one.role === "tool" && (
          <Input
            aria-label={t("playground.callOf", values)}
            placeholder="tool_call_id"
            value={one.toolCallId ?? ""}
            className="h-8 w-56 font-mono text-xs"
            onChange={(event) => set({ toolCallId: event.target.value })}
          />
        )}
        <span className="grow" />
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label={t("playground.moveUp", values)}
          disabled={at === 0 || busy}
          onClick={() => onMove(-1)}
        >
          <ArrowUp />
        </Button>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label={t("playground.moveDown", values)}
          disabled={last || busy}
          onClick={() => onMove(1)}
        >
          <ArrowDown />
        </Button>
        <Button
          variant="ghost"
          size="icon-sm"
          aria-label={t("playground.removeMessage", values)}
          disabled={busy}
          onClick={onRemove}
        >
          <Trash2 />
        </Button>
      </div>
      <GrowingText
        aria-label={t("playground.contentOf", values)}
        value={one.content}
        readOnly={busy}
        placeholder={busy ? "…" : t(`playground.placeholders.${one.role}`)}
        onChange={(content) => set({ content })}
      />
      {one.role === "assistant" &&
        one.toolCalls?.map((call, i) => (
          <CallRow
            key={i}
            call={call.function}
            id={call.id}
            onChange={(f) =>
              set({ toolCalls: one.toolCalls?.map((c, j) => (j === i ? { ...c, function: f } : c)) ?? [] })
            }
          />
        ))}
      {one.role === "assistant" && one.functionCall && (
        <CallRow call={one.functionCall} onChange={(functionCall) => set({ functionCall })} />
      )}
    </li>
  );
}

function CallRow({ call, id, onChange }: { call: Call; id?: string; onChange: (call: Call) => void }) {
  const { t } = useTranslation();
  return (
    <div className="grid gap-1 rounded-lg border bg-code p-2.5 font-mono text-xs" data-slot="call">
      <p className="flex flex-wrap justify-between gap-x-4">
        <span className="font-semibold">{call.name}</span>
        {id !== undefined && <span className="text-muted-foreground">{id}</span>}
      </p>
      <GrowingText
        aria-label={t("playground.argumentsOf", { name: call.name })}
        value={call.arguments}
        className="leading-5"
        onChange={(text) => onChange({ ...call, arguments: text })}
      />
    </div>
  );
}

type TextProps = {
  id?: string;
  "aria-label"?: string;
  value: string;
  placeholder?: string;
  readOnly?: boolean;
  className?: string;
  onChange: (value: string) => void;
};

/** As high as its text. */
export function GrowingText({ value, className = "", onChange, ...props }: TextProps) {
  const ref = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [value]);
  return (
    <textarea
      ref={ref}
      rows={1}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={`block w-full resize-none rounded-md bg-transparent px-1 py-0.5 leading-6 outline-none placeholder:text-muted-foreground focus-visible:ring-2 focus-visible:ring-ring/40 ${className}`}
      {...props}
    />
  );
}

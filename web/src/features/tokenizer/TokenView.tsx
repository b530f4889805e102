import { memo, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Choice } from "@/components/ui/toggle-group";
import { cn } from "@/lib/cn";
import { type Group, hex, invisible } from "./groups";

// Neighbours differ: the colour goes by the token's place.
const colours = ["bg-token-1", "bg-token-2", "bg-token-3", "bg-token-4", "bg-token-5"] as const;
const colour = (at: number) => colours[at % colours.length];

type Props = {
  groups: readonly Group[];
  /** A newer text is on its way. */
  busy: boolean;
  /** Under the tokens: that not all are shown, what went wrong, or that there are none. */
  note?: string | undefined;
};

/** A text with its tokens in colours, or their ids. Its size does not follow the text, so nothing moves while one types. */
export function TokenView({ groups, busy, note }: Props) {
  const { t } = useTranslation();
  const [view, setView] = useState<"text" | "ids">("text");
  const heading = useId();
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 id={heading} className="text-sm font-medium">
          {t("tokenizer.tokens")}
        </h2>
        <Choice
          label={t("tokenizer.view")}
          value={view}
          options={[
            { value: "text", label: t("tokenizer.viewText") },
            { value: "ids", label: t("tokenizer.viewIds") },
          ]}
          onChange={setView}
        />
      </div>
      {/* A region that scrolls must be reachable by keys. */}
      <div
        role="region"
        aria-labelledby={heading}
        aria-busy={busy}
        tabIndex={0}
        data-slot="tokens"
        className="h-64 overflow-y-auto rounded-xl border bg-card px-4 py-3 leading-7 [overflow-wrap:anywhere] whitespace-pre-wrap"
      >
        {view === "text" ? <Text groups={groups} /> : <Ids groups={groups} />}
        {note !== undefined && <p className="text-sm whitespace-normal text-muted-foreground">{note}</p>}
      </div>
    </div>
  );
}

const Text = memo(function Text({ groups }: { groups: readonly Group[] }) {
  return groups.map((group) => <TokenText key={group.at} group={group} />);
});

/** One token, or a letter over its tokens, each with the bytes that it is. */
function TokenText({ group: { text, at, pieces } }: { group: Group }) {
  const [first] = pieces;
  if (pieces.length === 1 && first) {
    return (
      <span
        data-token
        title={`${first.id} · ${hex(first.bytes)}`}
        className={cn("rounded-xs py-0.5", colour(at))}
      >
        <Visible text={text} />
      </span>
    );
  }
  return (
    <span className="mx-px inline-flex flex-col items-center align-top leading-none">
      <span className="py-1">
        <Visible text={text} />
      </span>
      <span className="flex gap-px pb-1 font-mono text-[0.625rem] select-none">
        {pieces.map((piece, i) => (
          <span
            key={at + i}
            data-token
            title={`${piece.id} · ${hex(piece.bytes)}`}
            className={cn("rounded-xs px-0.5 py-px", colour(at + i))}
          >
            {hex(piece.bytes)}
          </span>
        ))}
      </span>
    </span>
  );
}

/** The text with a sign where there would be nothing to see. */
function Visible({ text }: { text: string }) {
  const codes = invisible(text);
  if (codes !== null)
    return <span className="font-mono text-[0.6875rem] text-muted-foreground">{codes}</span>;
  if (text === "") return <span className="font-mono text-[0.6875rem] text-muted-foreground">∅</span>;
  if (!text.includes("\n")) return text;
  return text.split("\n").map((line, i) => (
    <span key={i}>
      {i > 0 && (
        <>
          <span aria-hidden className="text-muted-foreground select-none">
            ↵
          </span>
          {"\n"}
        </>
      )}
      {line}
    </span>
  ));
}

const Ids = memo(function Ids({ groups }: { groups: readonly Group[] }) {
  if (groups.length === 0) return null;
  return (
    <span className="font-mono text-[0.8125rem]">
      {"["}
      {groups.flatMap(({ at, pieces }) =>
        pieces.map((piece, i) => (
          <span key={at + i}>
            {at + i > 0 && ", "}
            <span data-token title={hex(piece.bytes)} className={cn("rounded-xs py-0.5", colour(at + i))}>
              {piece.id}
            </span>
          </span>
        )),
      )}
      {"]"}
    </span>
  );
});

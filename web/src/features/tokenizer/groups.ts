/** What a token stands for, as the server says it. */
export type Piece = { id: number; bytes: readonly number[] };

/** Tokens that together make whole characters. Nearly always one; an emoji or a Hangul syllable can take several. */
export type Group = {
  text: string;
  /** The first token's place among all. */
  at: number;
  pieces: Piece[];
};

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** How many bytes at the end begin a character that is not whole. */
function begun(bytes: readonly number[]): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const length = byte > 0xf4 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Puts tokens together into whole characters. Bytes that are no UTF-8 show as U+FFFD. */
export function groupPieces(pieces: readonly Piece[]): Group[] {
  const groups: Group[] = [];
  let bytes: number[] = [];
  let open: Piece[] = [];
  let at = 0;

  function close() {
    if (open.length === 0) return;
    groups.push({ text: decoder.decode(new Uint8Array(bytes)), at, pieces: open });
    at += open.length;
    bytes = [];
    open = [];
  }

  for (const piece of pieces) {
    // What was begun is not continued: it stays broken.
    if (open.length > 0 && !isContinuation(piece.bytes[0])) close();
    open.push(piece);
    bytes.push(...piece.bytes);
    if (begun(bytes) === 0) close();
  }
  close();
  return groups;
}

/** Characters as Python's len counts them: code points. */
export function characters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    if ((text.codePointAt(i) ?? 0) > 0xffff) i++;
    count++;
  }
  return count;
}

/** As much of the text as has at most `limit` bytes of UTF-8; cut between words where there are any. */
export function beginning(text: string, limit: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(limit));
  if (read === text.length) return text;
  const cut = text.slice(0, read);
  const space = cut.search(/\s\S*$/);
  return space > Math.max(0, read - 200) ? cut.slice(0, space) : cut;
}

/** The text without halves of characters, which JSON does not have: a cut through an emoji leaves one. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, "\uFFFD");
}

export function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Characters that leave no mark, by their code points; null for a text that shows. */
export function invisible(text: string): string | null {
  if (text === "" || !/^(?![\t\n\r ])[\p{C}\p{Mn}\p{Me}\p{Zl}\p{Zp}]+$/u.test(text)) return null;
  return Array.from(
    text,
    (c) => `U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`,
  ).join(" ");
}

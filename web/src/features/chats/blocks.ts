/** A list item, or the first characters of what may become one. */
const mayBeItem = /^([-*+]|\d{1,9}[.)]?)(\s|$)/;

/**
 * Cuts Markdown into pieces that can be rendered apart, so that a growing answer renders its last piece only.
 * Joined, the pieces are the text. A cut is made before a line that certainly begins a new block: after an empty
 * line, outside a fence, not indented, and no list item (a list with gaps must stay one list). Text with link
 * definitions stays whole, since these reach across blocks.
 */
export function splitBlocks(text: string): string[] {
  if (/^ {0,3}\[[^\]]+\]:/m.test(text)) return [text];
  const blocks: string[] = [];
  let block = "";
  let fence: string | null = null;
  let afterEmpty = false;
  for (const line of text.split(/(?<=\n)/)) {
    const startsBlock = fence === null && afterEmpty && /^\S/.test(line) && !mayBeItem.test(line);
    if (startsBlock) {
      blocks.push(block);
      block = "";
    }
    block += line;
    fence = nextFence(fence, line);
    afterEmpty = line.trim() === "";
  }
  if (block !== "") blocks.push(block);
  return blocks;
}

function nextFence(open: string | null, line: string): string | null {
  const mark = /^\s*(`{3,}|~{3,})(.*)/.exec(line);
  if (!mark?.[1]) return open;
  const [, run, info = ""] = mark;
  if (open === null) return run.startsWith("`") && info.includes("`") ? null : run;
  const closes = run.startsWith(open.charAt(0)) && run.length >= open.length && info.trim() === "";
  return closes ? null : open;
}

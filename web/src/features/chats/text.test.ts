import { describe, expect, it } from "vitest";
import { nextAnnouncement } from "./announce";
import { splitBlocks } from "./blocks";
import { chat } from "./fixtures";
import { groupByDay } from "./groups";

describe("splitBlocks", () => {
  it.each<[string, string, string[]]>([
    ["paragraphs", "a\nb\n\nc", ["a\nb\n\n", "c"]],
    ["a fence with empty lines", "```go\na\n\nb\n```\n\nc", ["```go\na\n\nb\n```\n\n", "c"]],
    ["a fence that is still open", "x\n\n```\na\n\nb", ["x\n\n", "```\na\n\nb"]],
    ["a longer fence around a shorter", "````\n```\n\nx\n````\n\ny", ["````\n```\n\nx\n````\n\n", "y"]],
    ["a list with gaps", "1. a\n\n2. b\n\n   more\n\nc", ["1. a\n\n2. b\n\n   more\n\n", "c"]],
    ["link definitions", "[a]\n\nb\n\n[a]: /x", ["[a]\n\nb\n\n[a]: /x"]],
    ["nothing", "", []],
  ])("%s", (_, text, blocks) => {
    expect(splitBlocks(text)).toEqual(blocks);
    expect(splitBlocks(text).join("")).toBe(text);
  });

  it("never changes an earlier block while text grows", () => {
    const text = "# T\n\na\n\n- x\n\n- y\n\n```js\nlet a;\n\nlet b;\n```\n\nend\n";
    let before: string[] = [];
    for (let n = 0; n <= text.length; n++) {
      const now = splitBlocks(text.slice(0, n));
      expect(now.slice(0, Math.max(0, before.length - 1))).toEqual(before.slice(0, -1));
      before = now;
    }
  });
});

describe("groupByDay", () => {
  it("names near days and months, by the reader's own midnight", () => {
    const now = new Date(2026, 6, 15, 0, 30);
    const at = (...time: [number, number, number, number]) =>
      chat({ id: time.join("-"), updated_at: new Date(...time).getTime() / 1000 });
    const groups = groupByDay(
      [
        at(2026, 6, 15, 0),
        at(2026, 6, 14, 23),
        at(2026, 6, 10, 9),
        at(2026, 5, 20, 9),
        at(2026, 1, 1, 9),
        at(2025, 1, 1, 9),
      ],
      now,
    );
    expect(groups.map((g) => g.key)).toEqual(["today", "yesterday", "week", "month", "2026-1", "2025-1"]);
  });
});

describe("nextAnnouncement", () => {
  it("tells whole sentences, then the rest", () => {
    expect(nextAnnouncement("One. Tw", 0, false)).toEqual({ say: "One.", told: 4 });
    expect(nextAnnouncement("One. Two", 4, false)).toEqual({ say: "", told: 4 });
    expect(nextAnnouncement("One. Two", 4, true)).toEqual({ say: "Two", told: 8 });
    expect(nextAnnouncement("안녕하세요. 반갑", 0, false).say).toBe("안녕하세요.");
    expect(nextAnnouncement("pi is 3.14", 0, false).say).toBe("");
  });
});

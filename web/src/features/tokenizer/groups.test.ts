import { describe, expect, it } from "vitest";
import { beginning, characters, groupPieces, hex, invisible, wellFormed } from "./groups";

const bytes = (text: string) => [...new TextEncoder().encode(text)];

/** Pieces of the text's bytes, as long as the lengths say, with ids from 1. */
function cut(text: string, ...lengths: number[]) {
  const all = bytes(text);
  return lengths.map((length, i) => ({ id: i + 1, bytes: all.splice(0, length) }));
}

const shown = (pieces: Parameters<typeof groupPieces>[0]) =>
  groupPieces(pieces).map((group) => [group.text, group.at, group.pieces.map((piece) => piece.id)]);

describe("groupPieces", () => {
  it("has one group for each token of whole characters", () => {
    expect(shown(cut("Chat é 안", 4, 3, 4))).toEqual([
      ["Chat", 0, [1]],
      [" é", 1, [2]],
      [" 안", 2, [3]],
    ]);
  });

  it("puts the tokens of one letter together", () => {
    expect(shown(cut("a🤚b", 1, 2, 1, 1, 1))).toEqual([
      ["a", 0, [1]],
      ["🤚", 1, [2, 3, 4]],
      ["b", 4, [5]],
    ]);
  });

  it("keeps letters together whose tokens overlap", () => {
    expect(shown(cut("안녕", 2, 2, 2))).toEqual([["안녕", 0, [1, 2, 3]]]);
  });

  it("shows bytes that are no UTF-8, and goes on after them", () => {
    expect(
      shown([
        { id: 1, bytes: [0xff] },
        { id: 2, bytes: [0x80] },
        { id: 3, bytes: [0xec, 0x95] },
        { id: 4, bytes: bytes("ab") },
        { id: 5, bytes: [0xf0] },
      ]),
    ).toEqual([
      ["\uFFFD", 0, [1]],
      ["\uFFFD", 1, [2]],
      ["\uFFFD", 2, [3]],
      ["ab", 3, [4]],
      ["\uFFFD", 4, [5]],
    ]);
  });

  it("keeps tokens that stand for nothing, and a byte order mark", () => {
    expect(shown([{ id: 1, bytes: [] }, ...cut("\uFEFFa", 4)])).toEqual([
      ["", 0, [1]],
      ["\uFEFFa", 1, [1]],
    ]);
  });

  it("loses nothing wherever a text is cut", () => {
    const text = "é안🤚\n";
    const size = bytes(text).length;
    for (let a = 1; a < size - 1; a++) {
      for (let b = 1; a + b < size; b++) {
        const groups = groupPieces(cut(text, a, b, size - a - b));
        expect(groups.map((group) => group.text).join("")).toBe(text);
        expect(groups.flatMap((group) => group.pieces)).toHaveLength(3);
      }
    }
  });
});

it("counts characters as Python does", () => {
  expect(characters("")).toBe(0);
  expect(characters("aé안🤚🏾\n")).toBe(6);
  expect(characters("\ud83e")).toBe(1);
});

describe("beginning", () => {
  it("is the whole of a short text", () => {
    expect(beginning("안녕", 6)).toBe("안녕");
  });

  it("cuts no character, and between words where there are any", () => {
    expect(beginning("안녕하세요", 10)).toBe("안녕하");
    expect(beginning("a🤚", 4)).toBe("a");
    expect(beginning("one two three", 9)).toBe("one two");
    expect(beginning(` ${"x".repeat(300)}`, 250)).toHaveLength(250);
  });
});

it("replaces halves of characters", () => {
  expect(wellFormed("a\ud83e🤚\udd1a")).toBe("a\uFFFD🤚\uFFFD");
});

it("names what cannot be seen", () => {
  expect(invisible("\u200d\ufe0f")).toBe("U+200D U+FE0F");
  expect(invisible("\u0000")).toBe("U+0000");
  for (const seen of ["", "a", " ", "\n", "\t\t", "a\u200d"])
    expect(invisible(seen), JSON.stringify(seen)).toBeNull();
});

it("writes bytes in hexadecimal", () => {
  expect(hex([0, 236, 149])).toBe("00 ec 95");
});

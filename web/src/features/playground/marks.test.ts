import { describe, expect, it } from "vitest";
import { follow } from "./marks";

// "One two six", of which "two" is the model's.
const text = "One two six";
const mark = { start: 4, end: 7 };

function after(next: string) {
  const m = follow(mark, text, next);
  return m && next.slice(m.start, m.end);
}

describe("follow", () => {
  it("keeps the model's words marked while somebody writes around them", () => {
    expect(after("One two six four")).toBe("two");
    expect(after("Oh, One two six")).toBe("two");
    expect(after("1 two six")).toBe("two");
    expect(after("One two")).toBe("two");
  });
  it("counts what is written inside of them in", () => {
    expect(after("One txwo six")).toBe("txwo");
    expect(after("One to six")).toBe("to");
  });
  it("keeps what is left of them", () => {
    expect(after("One six")).toBe(null);
    expect(after("One tw")).toBe("tw");
    expect(after("")).toBe(null);
    expect(follow(null, "a", "b")).toBe(null);
  });
});

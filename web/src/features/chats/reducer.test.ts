import { describe, expect, it } from "vitest";
import { createParser } from "@/lib/sse";
import { type ChatEvent, decodeEvent } from "./events";
import { emptyChat, message, sse } from "./fixtures";
import { type ChatState, reduce, textOf } from "./reducer";

function events(name: Parameters<typeof sse>[0]): ChatEvent[] {
  const decoded: ChatEvent[] = [];
  const parser = createParser((raw) => {
    const event = decodeEvent(raw);
    if (event) decoded.push(event);
  });
  parser.push(sse(name));
  return decoded;
}

function play(name: Parameters<typeof sse>[0]): ChatState {
  return events(name).reduce(reduce, emptyChat);
}

describe("a stream that the server wrote", () => {
  it("completes: the deltas are the text that the last message says", () => {
    const all = events("completed");
    const end = all.findIndex((e) => e.type === "message.completed");
    const growing = all.slice(0, end).reduce(reduce, emptyChat);
    const state = play("completed");
    expect(growing.messages[1]?.state).toBe("in_progress");
    expect(state.messages.map((m) => [m.role, m.state])).toEqual([
      ["user", "completed"],
      ["assistant", "completed"],
    ]);
    const [, answer] = state.messages;
    expect(answer && textOf(answer)).toBe(growing.messages[1] && textOf(growing.messages[1]));
    expect(state.current_message_id).toBe(answer?.id);
    expect(state.title).not.toBe(emptyChat.title);
    expect(all.at(-1)?.type).toBe("done");
  });

  it("stops: what was written stays, and is marked", () => {
    const answer = play("stopped").messages[1];
    expect(answer?.state).toBe("stopped");
    expect(answer && textOf(answer)).not.toBe("");
  });

  it("fails: what was written stays, with the reason", () => {
    const answer = play("failed").messages[1];
    expect(answer?.state).toBe("failed");
    expect(answer?.error?.message).toBeTruthy();
    expect(answer && textOf(answer)).not.toBe("");
  });
});

describe("reduce", () => {
  it("keeps the objects of messages that an event does not touch", () => {
    const state = { ...emptyChat, messages: [message("a", null), message("b", "a")] };
    const next = reduce(state, { type: "message.delta", message_id: "b", text: "x" });
    expect(next.messages[0]).toBe(state.messages[0]);
    expect(next.messages[1]).not.toBe(state.messages[1]);
  });

  it("ignores a delta of an unknown message", () => {
    expect(reduce(emptyChat, { type: "message.delta", message_id: "gone", text: "x" })).toBe(emptyChat);
  });

  it("does not add a message twice", () => {
    const twice = [message("a", null), message("a", null, { state: "stopped" })];
    const state = twice.reduce((s, m) => reduce(s, { type: "message.created", message: m }), emptyChat);
    expect(state.messages).toEqual([twice[1]]);
  });
});

describe("decodeEvent", () => {
  it("passes over events it does not know and reads errors", () => {
    expect(decodeEvent({ event: "later.invention", data: "{}" })).toBeNull();
    expect(decodeEvent({ event: "error", data: '{"error":{"message":"m","code":"c"}}' })).toEqual({
      type: "error",
      message: "m",
      code: "c",
    });
    expect(() => decodeEvent({ event: "message.delta", data: "{" })).toThrow(SyntaxError);
  });
});

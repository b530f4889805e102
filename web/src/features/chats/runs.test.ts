import { describe, expect, it, vi } from "vitest";
import { ApiError } from "@/api/errors";
import { emptyChat, sse } from "./fixtures";
import type { ChatState } from "./reducer";
import { type Ask, createRuns, type Dependencies } from "./runs";

const ask: Ask = { chatId: "chat_01", parentId: null, text: "Say hello in Korean.", model: "gpt-3.5-turbo" };

function setup(change: Partial<Dependencies> = {}) {
  let state: ChatState = emptyChat;
  const flushes: (() => void)[] = [];
  const deps: Dependencies = {
    post: () => Promise.resolve(new Response(sse("completed"))),
    stop: vi.fn(() => Promise.resolve()),
    update: (_, fn) => (state = fn(state)),
    taken: vi.fn(),
    ended: vi.fn(),
    schedule: (flush) => flushes.push(flush),
    ...change,
  };
  return { runs: createRuns(deps), deps, state: () => state, flushes };
}

/** A response whose text the test writes as it goes. */
function hand() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (c) => void (controller = c) });
  const encoder = new TextEncoder();
  return {
    response: new Response(body),
    write: (text: string) => controller.enqueue(encoder.encode(text)),
    close: () => controller.close(),
    break: () => controller.error(new TypeError("network error")),
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const upTo = (text: string, mark: string) => text.slice(0, text.indexOf(mark));

describe("runs", () => {
  it("follows a stream to its end", async () => {
    const { runs, deps, state } = setup();
    const started = runs.start(ask);
    expect(runs.store.get().active.chat_01?.phase).toBe("sending");
    await started;
    expect(state().messages.map((m) => m.state)).toEqual(["completed", "completed"]);
    expect(runs.isActive("chat_01")).toBe(false);
    expect(deps.taken).toHaveBeenCalledExactlyOnceWith("chat_01");
    expect(deps.ended).toHaveBeenCalledExactlyOnceWith("chat_01", true);
  });

  it("gives the words back when the server refuses them", async () => {
    const error = new ApiError(429, "busy");
    const { runs, deps, state } = setup({ post: () => Promise.reject(error) });
    await runs.start(ask);
    expect(runs.store.get().refused.chat_01).toEqual({ ask, error });
    expect(state().messages).toEqual([]);
    expect(deps.ended).toHaveBeenCalledWith("chat_01", false);
    runs.forgive("chat_01");
    expect(runs.store.get().refused).toEqual({});
  });

  it("asks the server how it ended when the connection breaks", async () => {
    const stream = hand();
    const { runs, deps, state } = setup({ post: () => Promise.resolve(stream.response) });
    const started = runs.start(ask);
    stream.write(upTo(sse("completed"), "event: message.completed"));
    await settle();
    expect(runs.store.get().active.chat_01).toMatchObject({
      phase: "streaming",
      assistantId: state().current_message_id,
    });
    stream.break();
    await started;
    expect(state().messages[1]?.state).toBe("in_progress");
    expect(deps.ended).toHaveBeenCalledExactlyOnceWith("chat_01", false);
    expect(runs.store.get().refused).toEqual({});
  });

  it("takes an error event for the end, and asks the server what became of the chat", async () => {
    const stream = hand();
    const { runs, deps, state } = setup({ post: () => Promise.resolve(stream.response) });
    const started = runs.start(ask);
    stream.write(upTo(sse("completed"), "event: message.completed"));
    stream.write('data: {"error":{"message":"No chat found with id \'chat_01\'.","code":null}}\n\n');
    stream.write('event: message.delta\ndata: {"message_id":"msg_02","text":"never"}\n\n');
    await started;
    expect(deps.ended).toHaveBeenCalledExactlyOnceWith("chat_01", false);
    expect(JSON.stringify(state())).not.toContain("never");
    expect(runs.isActive("chat_01")).toBe(false);
  });

  it("does not take a stream without its end for a whole one", async () => {
    const { runs, deps } = setup({
      post: () => Promise.resolve(new Response(upTo(sse("completed"), "event: chat.updated"))),
    });
    await runs.start(ask);
    expect(deps.ended).toHaveBeenCalledWith("chat_01", false);
  });

  it("stops by asking the server, and shows what the server then says", async () => {
    const stream = hand();
    const { runs, deps, state } = setup({ post: () => Promise.resolve(stream.response) });
    const started = runs.start(ask);
    const text = sse("stopped");
    const head = upTo(text, "event: message.stopped");
    stream.write(head);
    await settle();
    await runs.stop("chat_01");
    await runs.stop("chat_01");
    expect(deps.stop).toHaveBeenCalledExactlyOnceWith("chat_01", "msg_02");
    expect(runs.store.get().active.chat_01?.stopping).toBe(true);
    stream.write(text.slice(head.length));
    await started;
    expect(state().messages[1]?.state).toBe("stopped");
    expect(deps.ended).toHaveBeenCalledWith("chat_01", true);
  });

  it("stops by leaving while nothing was taken yet", async () => {
    const { runs, deps } = setup({
      post: (_, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        }),
    });
    const started = runs.start(ask);
    await runs.stop("chat_01");
    await started;
    expect(deps.stop).not.toHaveBeenCalled();
    expect(runs.store.get()).toEqual({ active: {}, refused: {} });
  });

  it("has one run for a chat at a time", async () => {
    const post = vi.fn(() => Promise.resolve(new Response(sse("completed"))));
    const { runs } = setup({ post });
    await Promise.all([runs.start(ask), runs.start(ask)]);
    expect(post).toHaveBeenCalledOnce();
  });

  it("applies the tokens of one frame together", async () => {
    const stream = hand();
    const update = vi.fn();
    const { runs, flushes } = setup({ post: () => Promise.resolve(stream.response), update });
    const started = runs.start(ask);
    stream.write(upTo(sse("completed"), "event: message.completed"));
    await settle();
    update.mockClear();
    flushes.splice(0).forEach((flush) => flush());
    expect(update).toHaveBeenCalledOnce();
    stream.close();
    await started;
  });
});

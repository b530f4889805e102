import { describe, expect, it } from "vitest";
import { apply, empty, footnoted, type Live, timeline } from "./live";
import type { Message, Step } from "./types";

const message = (id: string, role: "user" | "assistant", at: number, run: string | null = null) =>
  ({ id, role, created_at: at, run_id: run, content: [], attachments: [] }) as unknown as Message;
const step = (id: string, run: string, at: number, made?: string) =>
  ({
    id,
    run_id: run,
    created_at: at,
    type: made === undefined ? "tool_calls" : "message_creation",
    status: "completed",
    step_details:
      made === undefined
        ? { type: "tool_calls", tool_calls: [] }
        : { type: "message_creation", message_creation: { message_id: made } },
  }) as unknown as Step;

function all(live: Live, events: [string, unknown][]): Live {
  return events.reduce((now, [event, data]) => apply(now, event, data), live);
}

describe("a stream", () => {
  it("joins pieces of texts, and puts annotations in their places", () => {
    const delta = (text: object) => ({ id: "msg_1", delta: { content: [{ index: 0, type: "text", text }] } });
    const note = { index: 0, type: "file_citation", text: "【1】", start_index: 3, end_index: 6 };
    const live = all(empty, [
      ["thread.run.created", { id: "run_1", status: "queued" }],
      ["thread.message.created", message("msg_1", "assistant", 1, "run_1")],
      ["thread.message.delta", delta({ value: "Hel" })],
      ["thread.message.delta", delta({ value: "lo", annotations: [note] })],
      ["thread.something.new", {}],
    ]);
    expect(live.run?.status).toBe("queued");
    expect(live.messages[0]?.content[0]?.text?.value).toBe("Hello");
    expect(live.messages[0]?.content[0]?.text?.annotations[0]?.start_index).toBe(3);
  });

  it("joins code, its output, and arguments of several calls", () => {
    const delta = (...tool_calls: object[]) => ({ id: "step_1", delta: { step_details: { tool_calls } } });
    const live = all(empty, [
      ["thread.run.step.created", step("step_1", "run_1", 1)],
      [
        "thread.run.step.delta",
        delta({
          index: 0,
          id: "call_1",
          type: "code_interpreter",
          code_interpreter: { input: "1+", outputs: [] },
        }),
      ],
      [
        "thread.run.step.delta",
        delta({ index: 0, type: "code_interpreter", code_interpreter: { input: "1" } }),
      ],
      [
        "thread.run.step.delta",
        delta({
          index: 0,
          type: "code_interpreter",
          code_interpreter: { outputs: [{ index: 0, type: "logs", logs: "a" }] },
        }),
      ],
      [
        "thread.run.step.delta",
        delta({
          index: 0,
          type: "code_interpreter",
          code_interpreter: {
            outputs: [
              { index: 0, type: "logs", logs: "b" },
              { index: 1, type: "image", image: { file_id: "file-1" } },
            ],
          },
        }),
      ],
      [
        "thread.run.step.delta",
        delta({
          index: 1,
          id: "call_2",
          type: "function",
          function: { name: "f", arguments: "", output: null },
        }),
      ],
      ["thread.run.step.delta", delta({ index: 1, type: "function", function: { arguments: "{}" } })],
    ]);
    const calls = live.steps[0]?.step_details.tool_calls;
    expect(calls?.[0]?.code_interpreter).toEqual({
      input: "1+1",
      outputs: [
        { type: "logs", logs: "ab" },
        { type: "image", image: { file_id: "file-1" } },
      ],
    });
    expect(calls?.[1]).toMatchObject({ id: "call_2", function: { name: "f", arguments: "{}" } });
  });
});

describe("the order", () => {
  it("is the steps' within a run, below the question and above the next one", () => {
    const entries = timeline({
      messages: [
        message("q1", "user", 1),
        message("a1", "assistant", 2, "run_1"),
        message("q2", "user", 3),
        message("q3", "user", 5),
      ],
      steps: [step("tools", "run_1", 1), step("says", "run_1", 2, "a1"), step("lone", "run_2", 4)],
    });
    expect(entries.map(({ id }) => id)).toEqual(["q1", "tools", "a1", "q2", "lone", "q3"]);
  });

  it("has what waits for outputs at the end", () => {
    const entries = timeline({ messages: [message("q1", "user", 1)], steps: [step("s", "run_1", 1)] });
    expect(entries.map(({ id }) => id)).toEqual(["q1", "s"]);
  });
});

describe("annotations", () => {
  it("become footnotes and links, at places counted in characters", () => {
    const value = "🙂 true【4:0†a】. [x](sandbox:/mnt/data/x.csv)";
    const quote = "【4:0†a】";
    const path = "sandbox:/mnt/data/x.csv";
    const at = (piece: string) => Array.from(value.slice(0, value.indexOf(piece))).length;
    const { text, notes } = footnoted(value, [
      {
        type: "file_path",
        text: path,
        start_index: at(path),
        end_index: at(path) + path.length,
        file_path: { file_id: "file-2" },
      },
      {
        type: "file_citation",
        text: quote,
        start_index: at(quote),
        end_index: at(quote) + quote.length,
        file_citation: { file_id: "file-1", quote: "q" },
      },
    ]);
    expect(text).toBe("🙂 true[1]. [x](/console/files/file-2)");
    expect(notes.map((note) => note.file_citation?.file_id)).toEqual(["file-1"]);
  });

  it("leaves a place alone that is not in the text", () => {
    expect(footnoted("ab", [{ type: "file_citation", text: "x", start_index: 1, end_index: 9 }]).text).toBe(
      "ab",
    );
  });
});

import { describe, expect, it } from "vitest";
import { add, nothing, type Wire } from "./answer";
import { shade, totals, visible } from "./spectrum";

const all = (...chunks: Wire[]) => chunks.reduce(add, nothing);

describe("add", () => {
  it("puts a streamed chat together, choice by choice", () => {
    const answer = all(
      { id: "chatcmpl-1", model: "gpt-4", choices: [{ index: 0, delta: { content: "" } }] },
      { choices: [{ index: 1, delta: { content: "B" } }] },
      { choices: [{ index: 0, delta: { content: "A" } }] },
      { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
    );
    expect(answer.choices.map((c) => [c.text, c.finish])).toEqual([
      ["A", "stop"],
      ["B", null],
    ]);
    expect(answer).toMatchObject({ id: "chatcmpl-1", model: "gpt-4", usage: { total_tokens: 3 } });
  });

  it("puts calls together from their pieces", () => {
    const answer = all(
      {
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index: 0, id: "c1", function: { name: "f", arguments: "" } }] },
          },
        ],
      },
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] } }] },
      {
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index: 1, id: "c2", function: { name: "g", arguments: "{}" } }] },
          },
        ],
      },
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: ":1}" } }] } }] },
    );
    expect(answer.choices[0]?.toolCalls).toEqual([
      { id: "c1", function: { name: "f", arguments: '{"a":1}' } },
      { id: "c2", function: { name: "g", arguments: "{}" } },
    ]);
    const old = all(
      { choices: [{ index: 0, delta: { content: null, function_call: { name: "f", arguments: "" } } }] },
      { choices: [{ index: 0, delta: { function_call: { arguments: "{}" } } }] },
    );
    expect(old.choices[0]?.functionCall).toEqual({ name: "f", arguments: "{}" });
  });

  it("reads probabilities of both endpoints, the likeliest first", () => {
    const chat = all({
      choices: [
        {
          delta: { content: "a" },
          logprobs: {
            content: [
              {
                token: "a",
                logprob: -1,
                top_logprobs: [
                  { token: "b", logprob: -2 },
                  { token: "a", logprob: -1 },
                ],
              },
            ],
          },
        },
      ],
    });
    const text = all({
      choices: [
        {
          text: "a",
          logprobs: {
            tokens: ["x", "a"],
            token_logprobs: [null, -1],
            top_logprobs: [null, { b: -2, a: -1 }],
          },
        },
      ],
    });
    const a = {
      text: "a",
      logprob: -1,
      top: [
        { text: "a", logprob: -1 },
        { text: "b", logprob: -2 },
      ],
    };
    expect(chat.choices[0]?.tokens).toEqual([a]);
    expect(text.choices[0]?.tokens).toEqual([{ text: "x", logprob: null, top: [] }, a]);
  });
});

describe("probabilities", () => {
  it("shade by how likely a token is, and only what the view asks for", () => {
    const sure = { text: "a", logprob: 0, top: [] };
    expect(shade(sure, "off")).toBe(undefined);
    expect(shade(sure, "most")).toContain("--token-2) 100%");
    expect(shade(sure, "least")).toContain("--token-4) 0%");
    expect(shade({ ...sure, logprob: -100 }, "full")).toContain("--token-2) 0%");
    expect(shade({ ...sure, logprob: null }, "full")).toBe(undefined);
  });
  it("sum up", () => {
    expect(totals([])).toBe(null);
    const t = (logprob: number | null) => ({ text: "", logprob, top: [] });
    expect(totals([t(null), t(-1), t(-3)])).toEqual({ sum: -4, mean: -2, perplexity: Math.exp(2) });
  });
  it("show white space", () => {
    expect([" a", "\n", "", "a b"].map(visible)).toEqual(["␣a", "↵", "∅", "a b"]);
  });
});

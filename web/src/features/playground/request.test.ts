import { describe, expect, it } from "vitest";
import { around, functionNames, requestOf } from "./request";
import { defaults, newSetup, type Params, readSetup, type Setup, turn } from "./setup";

const basic = { temperature: 1, max_tokens: 256, top_p: 1, frequency_penalty: 0, presence_penalty: 0 };

function chat(change: Partial<Setup> = {}, params: Partial<Params> = {}) {
  const models = { chat: "gpt-4", complete: "text-davinci-003", edit: "text-davinci-edit-001" };
  return requestOf({ ...newSetup(), models, ...change, params: { ...defaults, ...params } });
}

describe("requestOf", () => {
  it("sends a conversation without the empty message at its end", () => {
    const turns = [turn("user", "Hi"), turn("assistant", "Hello"), turn("user")];
    const { request, problems } = chat({ system: "Be kind.", turns });
    expect(problems).toEqual([]);
    expect(request).toEqual({
      path: "/v1/chat/completions",
      body: {
        model: "gpt-4",
        messages: [
          { role: "system", content: "Be kind." },
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello" },
        ],
        ...basic,
      },
    });
  });

  it("sends every parameter that is set, and none that is not", () => {
    const { request, problems } = chat(
      {},
      {
        maxTokens: null,
        stop: ["END", ""],
        n: 2,
        seed: 7,
        user: "u1",
        logitBias: [
          { token: " 50256 ", bias: -100 },
          { token: "", bias: 3 },
        ],
        format: "json_object",
        probabilities: "full",
      },
    );
    expect(problems).toEqual([]);
    expect(request.body).toEqual({
      model: "gpt-4",
      messages: [{ role: "user", content: "" }],
      temperature: 1,
      top_p: 1,
      frequency_penalty: 0,
      presence_penalty: 0,
      stop: ["END"],
      n: 2,
      seed: 7,
      user: "u1",
      logit_bias: { "50256": -100 },
      response_format: { type: "json_object" },
      logprobs: true,
      top_logprobs: 5,
    });
  });

  it("sends functions as tools or in the way of 2023", () => {
    const functions = `[{"type":"function","function":{"name":"f"}},{"name":"g","parameters":{"type":"object"}}]`;
    expect(
      chat({}, { functionKind: "tools", functions, choice: "=g", parallel: false }).request.body,
    ).toMatchObject({
      tools: [
        { type: "function", function: { name: "f" } },
        { type: "function", function: { name: "g", parameters: { type: "object" } } },
      ],
      tool_choice: { type: "function", function: { name: "g" } },
      parallel_tool_calls: false,
    });
    const { body } = chat({}, { functionKind: "functions", functions, choice: "=f" }).request;
    expect(body).toMatchObject({
      functions: [{ name: "f" }, { name: "g", parameters: { type: "object" } }],
      function_call: { name: "f" },
    });
    expect(body).not.toHaveProperty("tools");
  });

  it("sends calls and their results back as they came", () => {
    const turns = [
      turn("user", "Weather?"),
      { ...turn("assistant"), toolCalls: [{ id: "call_1", function: { name: "f", arguments: "{}" } }] },
      { ...turn("tool", "sunny"), toolCallId: "call_1" },
      { ...turn("assistant"), functionCall: { name: "f", arguments: "{}" } },
      { ...turn("function", "rain"), name: "f" },
    ];
    expect(chat({ turns }).request.body.messages).toEqual([
      { role: "user", content: "Weather?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", content: "sunny", tool_call_id: "call_1" },
      { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
      { role: "function", content: "rain", name: "f" },
    ]);
  });

  it("says what is wrong with the editors' texts", () => {
    const keys = (params: Partial<Params>) => chat({}, params).problems.map((p) => p.key);
    expect(keys({ functionKind: "tools", functions: "[{" })).toEqual(["playground.problems.json"]);
    expect(keys({ functionKind: "tools", functions: "[]" })).toEqual(["playground.problems.noFunction"]);
    expect(keys({ functionKind: "tools", functions: `[1, {"name":"a b","parameters":[]}]` })).toEqual([
      "playground.problems.functionObject",
      "playground.problems.functionName",
      "playground.problems.functionParameters",
    ]);
    expect(keys({ functionKind: "tools", choice: "=nobody" })).toEqual(["playground.problems.choice"]);
    expect(keys({ format: "json_schema", schema: "[]" })).toEqual(["playground.problems.schemaObject"]);
    expect(keys({ format: "json_schema", schema: `{"type":"object"}` })).toEqual([]);
    expect(keys({ logitBias: [{ token: "cat", bias: 1 }] })).toEqual(["playground.problems.token"]);
    expect(chat({ mode: "edit" }).problems.map((p) => p.field)).toEqual(["instruction"]);
    // What is not on is not looked at.
    expect(keys({ functions: "[{", schema: "x" })).toEqual([]);
  });

  it("completes a text at its end or where it is marked", () => {
    const plain = chat({ mode: "complete", text: "Once" }, { startText: "\nAI:", bestOf: 3, echo: true });
    expect(plain.request).toEqual({
      path: "/v1/completions",
      body: { model: "text-davinci-003", prompt: "Once\nAI:", ...basic, best_of: 3, echo: true },
    });
    const insert = chat({ mode: "complete", text: "A [insert] C" }, { probabilities: "least" });
    expect(insert.request.body).toMatchObject({ prompt: "A ", suffix: " C", logprobs: 5 });
    expect(around("nothing")).toBe(null);
  });

  it("edits", () => {
    const setup = { mode: "edit" as const, input: "day of the wek", instruction: "Fix it." };
    expect(chat(setup, { n: 99 }).request).toEqual({
      path: "/v1/edits",
      body: {
        model: "text-davinci-edit-001",
        input: "day of the wek",
        instruction: "Fix it.",
        temperature: 1,
        top_p: 1,
        n: 20,
      },
    });
  });
});

describe("functionNames", () => {
  it("lists names, or nothing while somebody types", () => {
    expect(functionNames(`[{"name":"a"},{"name":"b"}]`)).toEqual(["a", "b"]);
    expect(functionNames(`[{"name":`)).toEqual([]);
  });
});

describe("readSetup", () => {
  it("gives back what was stored", () => {
    const setup = {
      ...newSetup("edit"),
      input: "x",
      params: { ...defaults, stop: ["a"], maxTokens: null, seed: 5 },
    };
    const read = readSetup(JSON.parse(JSON.stringify(setup)));
    expect({ ...read, turns: [] }).toEqual({ ...setup, turns: [] });
  });
  it("takes anything, and keeps what fits", () => {
    for (const odd of [
      null,
      5,
      "x",
      [],
      { mode: "fly", turns: [1, { role: "king" }], params: { stop: 3, n: "2" } },
    ])
      expect(requestOf(readSetup(odd)).request.path).toBe("/v1/chat/completions");
  });
});

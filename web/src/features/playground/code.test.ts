import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Language, languages, program } from "./code";
import { requestOf } from "./request";
import { defaults, newSetup, type Params, type Setup, turn } from "./setup";

// The programs are golden files (vitest -u writes them anew); e2e/sdk runs each of them against the real server and
// compares what it sends with the request beside it.
const folder = path.resolve(import.meta.dirname, "../../../../e2e/sdk/playground");
const base = "http://127.0.0.1:8080/v1";
const endings: Record<Language, string> = { python: "py", python028: "028.py", node: "mjs", curl: "sh" };

const odd = `It's "odd": \\n is no line's end, $HOME no \`path\`, \${x} nothing;\n바람 🌊 \t\u007f\u2028 {x} %s`;
const models = { chat: "gpt-3.5-turbo", complete: "gpt-3.5-turbo-instruct", edit: "text-davinci-edit-001" };
const short = { maxTokens: 8, temperature: 0, seed: 7 };

const cases: Record<string, [Partial<Setup>, Partial<Params>]> = {
  chat: [
    {
      system: odd,
      turns: [
        turn("user", "Hi"),
        turn("assistant", odd),
        { ...turn("user", "And?"), name: "ann" },
        turn("user"),
      ],
    },
    {
      ...short,
      n: 2,
      topP: 0.5,
      frequencyPenalty: -0.25,
      presencePenalty: 1.5,
      stop: ["\n\n", "'\"\\"],
      logitBias: [
        { token: "50256", bias: -100 },
        { token: "7", bias: 1 },
      ],
      user: "ünal",
      probabilities: "full",
    },
  ],
  tools: [
    {
      turns: [
        turn("user", "The weather in Seoul?"),
        {
          ...turn("assistant"),
          toolCalls: [{ id: "call_1", function: { name: "get_weather", arguments: `{"city":"Seoul"}` } }],
        },
        { ...turn("tool", `{"sky":"clear"}`), toolCallId: "call_1" },
        turn("user", "And in Busan?"),
      ],
    },
    { ...short, maxTokens: 32, functionKind: "tools", choice: "=get_weather", parallel: false },
  ],
  functions: [
    { turns: [turn("user", "The weather in Seoul?")] },
    { ...short, maxTokens: 32, functionKind: "functions", choice: "none" },
  ],
  schema: [
    { turns: [turn("user", "What is the capital of France?")] },
    { ...short, maxTokens: 32, format: "json_schema" },
  ],
  completion: [
    { mode: "complete", text: `Once upon a time.\n${odd}` },
    { ...short, n: 1, bestOf: 2, echo: true, probabilities: "least", alternatives: 3, stop: ["\n"] },
  ],
  edit: [
    { mode: "edit", input: "What day of the wek is it?", instruction: "Fix the spelling mistakes." },
    { temperature: 0, topP: 0.9, n: 2 },
  ],
};

describe("program", () => {
  for (const [name, [change, params]] of Object.entries(cases)) {
    const setup = { ...newSetup(), models, ...change, params: { ...defaults, ...params } };
    const { request, problems } = requestOf(setup);
    it(`is what it was for ${name}`, async () => {
      expect(problems).toEqual([]);
      const file = (ending: string) => path.join(folder, `${name}.${ending}`);
      await expect(`${JSON.stringify(request, null, 2)}\n`).toMatchFileSnapshot(file("json"));
      for (const language of languages)
        await expect(program(language, request, base)).toMatchFileSnapshot(file(endings[language]));
    });
  }

  it("never has a key in it, and quotes what shells and JavaScript take for their own", () => {
    const body = { model: "m", messages: [], __proto__x: 1, ["__proto__"]: { a: [] }, s: "\ud800" };
    const request = { path: "/v1/chat/completions" as const, body };
    for (const language of languages) {
      const text = program(language, request, "http://a'b/v1");
      expect(text).toContain("OPENAI_API_KEY");
      expect(text).not.toMatch(/sk-/);
      expect(text).toContain("\uFFFD");
    }
    expect(program("node", request, base)).toContain('["__proto__"]: {');
    expect(program("curl", request, "http://a'b/v1")).toContain(`'http://a'\\''b/v1/chat/completions'`);
  });
});

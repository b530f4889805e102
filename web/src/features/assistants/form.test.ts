import { describe, expect, it } from "vitest";
import { bodyOf, draftOf } from "./form";
import type { Assistant } from "./types";

const add = { name: "add", parameters: { type: "object", properties: {} } };
const assistant = {
  id: "asst_1",
  name: "Tutor",
  description: null,
  instructions: "Be kind.",
  model: "gpt-4",
  tools: [
    { type: "file_search", file_search: { max_num_results: 3 } },
    { type: "code_interpreter" },
    { type: "function", function: add },
  ],
  tool_resources: {
    code_interpreter: { file_ids: ["file-1"] },
    file_search: { vector_store_ids: ["vs_1"] },
  },
  temperature: 0.5,
  top_p: 1,
  response_format: "auto",
} as unknown as Assistant;

describe("the form of an assistant", () => {
  it("saves what it was given, options that it does not show too", () => {
    const { body, problems } = bodyOf(draftOf(assistant, ""), assistant);
    expect(problems).toEqual([]);
    const { name, instructions, model, tools, tool_resources, temperature, top_p, response_format } =
      assistant;
    expect(body).toMatchObject({
      name,
      instructions,
      model,
      tools,
      tool_resources,
      temperature,
      top_p,
      response_format,
    });
  });

  it("takes functions with and without the type around them", () => {
    const draft = {
      ...draftOf(null, "gpt-4"),
      functions: JSON.stringify([add, { type: "function", function: { name: "b" } }]),
    };
    expect(bodyOf(draft, null)).toMatchObject({
      problems: [],
      body: {
        tools: [
          { type: "function", function: add },
          { type: "function", function: { name: "b" } },
        ],
      },
    });
  });

  it.each([
    ["[{", "json"],
    ["{}", "array"],
    ['[{"name": "a b"}]', "function"],
    ["[null]", "function"],
    ['[{"name": "a"}, {"name": "a"}]', "twice"],
    ['[{"name": "a", "parameters": []}]', "parameters"],
  ])("says what is wrong with %s", (functions, key) => {
    const { problems } = bodyOf({ ...draftOf(null, "gpt-4"), functions }, null);
    expect(problems.map((problem) => problem.key)).toEqual([key]);
  });

  it("wants a model, and a schema with its name", () => {
    const draft = { ...draftOf(null, ""), format: "json_schema" as const, schema: "{}" };
    expect(bodyOf(draft, null).problems.map(({ key }) => key)).toEqual(["model", "schema"]);
  });
});

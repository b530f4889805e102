// Today's official client for Node, unmodified but for base URL and key.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.PARLEY_URL + "/v1",
  apiKey: process.env.PARLEY_KEY,
  maxRetries: 0,
});
const messages = [{ role: "user", content: "Say hello." }];

test("list models", async () => {
  const names = [];
  for await (const m of client.models.list()) names.push(m.id);
  for (const want of ["gpt-3.5-turbo", "gpt-4", "text-davinci-003", "text-embedding-ada-002"]) {
    assert.ok(names.includes(want), `${want} is not listed`);
  }
});

test("chat", async () => {
  const r = await client.chat.completions.create({ model: "gpt-3.5-turbo", messages, max_tokens: 12 });
  assert.ok(r.choices[0].message.content.trim());
  assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
});

test("stream", async () => {
  let text = "";
  let finish = null;
  const stream = await client.chat.completions.create({
    model: "gpt-3.5-turbo",
    messages,
    max_tokens: 12,
    stream: true,
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assert.ok(text.trim());
  assert.ok(["stop", "length"].includes(finish));
});

test("stream helper and abort", async () => {
  const runner = client.chat.completions.stream({ model: "gpt-3.5-turbo", messages, max_tokens: 2000 });
  for await (const _ of runner) break;
  runner.abort();
  const r = await client.chat.completions.create({ model: "gpt-3.5-turbo", messages, max_tokens: 4 });
  assert.ok(r.choices.length === 1);
});

test("completion", async () => {
  const r = await client.completions.create({ model: "text-davinci-003", prompt: "The sky is", max_tokens: 8 });
  assert.equal(r.object, "text_completion");
  assert.ok(r.choices[0].text);
});

test("embedding", async () => {
  const r = await client.embeddings.create({ model: "text-embedding-ada-002", input: "hello" });
  const norm = r.data[0].embedding.reduce((s, x) => s + x * x, 0);
  assert.ok(Math.abs(norm - 1) < 1e-3);
});

test("error classes", async () => {
  const wrong = new OpenAI({ baseURL: client.baseURL, apiKey: "sk-wrong", maxRetries: 0 });
  await assert.rejects(wrong.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(
    client.chat.completions.create({ model: "no-such-model", messages }),
    (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found",
  );
  await assert.rejects(
    client.chat.completions.create({ model: "gpt-4", messages, temperature: 3 }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature",
  );
});

const add = {
  name: "add",
  description: "Add two numbers.",
  parameters: {
    type: "object",
    properties: { a: { type: "integer" }, b: { type: "integer" } },
    required: ["a", "b"],
  },
};
const forced = {
  model: "gpt-4",
  messages: [{ role: "user", content: "What is 2 plus 3?" }],
  tools: [{ type: "function", function: add }],
  tool_choice: { type: "function", function: { name: "add" } },
  temperature: 0,
  max_tokens: 60,
};
const isCall = (call) => {
  assert.equal(call.function.name, "add");
  const { a, b } = JSON.parse(call.function.arguments);
  assert.ok(Number.isInteger(a) && Number.isInteger(b));
};

test("a forced call, and an answer to its result", async () => {
  const r = await client.chat.completions.create(forced);
  const { message, finish_reason } = r.choices[0];
  assert.equal(finish_reason, "stop");
  assert.equal(message.tool_calls.length, 1);
  isCall(message.tool_calls[0]);
  const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "5" };
  const last = await client.chat.completions.create({
    ...forced,
    messages: [...forced.messages, message, result],
    tool_choice: "none",
  });
  assert.ok(last.choices[0].message.content.trim());
  const required = await client.chat.completions.create({
    ...forced,
    tool_choice: "required",
    parallel_tool_calls: false,
  });
  assert.equal(required.choices[0].finish_reason, "tool_calls");
  isCall(required.choices[0].message.tool_calls[0]);
});

test("the stream helper puts calls together", async () => {
  const stream = client.chat.completions.stream(forced);
  let written = "";
  stream.on("tool_calls.function.arguments.delta", (e) => (written += e.arguments_delta));
  const message = await stream.finalMessage();
  isCall(message.tool_calls[0]);
  assert.equal(message.tool_calls[0].function.arguments, written);
});

test("runTools calls the function", async () => {
  const called = [];
  const tool = {
    type: "function",
    function: {
      ...add,
      parse: JSON.parse,
      function: (args) => {
        called.push(args);
        return String(args.a + args.b);
      },
    },
  };
  for (const stream of [false, true]) {
    const runner = client.chat.completions.runTools({ ...forced, tools: [tool], stream });
    const result = await runner.finalFunctionToolCallResult();
    const { a, b } = called.pop();
    assert.equal(result, String(a + b));
  }
});

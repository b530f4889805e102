// Responses and conversations with the newest Node client, on a scripted model (internal/testkit/scripted).
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI, { BadRequestError } from "openai";

const client = new OpenAI({ apiKey: process.env.PARLEY_KEY, baseURL: process.env.PARLEY_URL + "/v1", maxRetries: 0 });
const model = "scripted";
const play = (...turns) => "play:" + JSON.stringify(turns);
const skip = process.env.PARLEY_SCRIPTED ? false : "needs the scripted model: TestResponses starts it";

test("an answer, streamed, continued, and in a conversation", { skip }, async () => {
  const stream = client.responses.stream({ model, input: play({ text: "One two." }) });
  const kinds = [];
  for await (const event of stream) kinds.push(event.type);
  const first = await stream.finalResponse();
  assert.equal(first.output_text, "One two.");
  assert.equal(kinds.at(-1), "response.completed");
  const conversation = await client.conversations.create({});
  const second = await client.responses.create({ model, input: play({ text: "Three." }), conversation: conversation.id });
  assert.equal(second.output_text, "Three.");
  const items = [];
  for await (const item of client.conversations.items.list(conversation.id, { order: "asc" })) items.push(item);
  assert.deepEqual(items.map((i) => i.role), ["user", "assistant"]);
  await assert.rejects(client.responses.create({ model, input: "x", previous_response_id: "resp_none" }), BadRequestError);
});

test("a function", { skip }, async () => {
  const tools = [{ type: "function", name: "add", parameters: { type: "object", properties: { a: { type: "number" } } }, strict: false }];
  const input = [{ role: "user", content: play({ calls: [{ name: "add", arguments: '{"a":1}' }] }, { text: "Two." }) }];
  const asked = await client.responses.create({ model, input, tools });
  input.push(...asked.output);
  const call = asked.output.find((t) => t.type === "function_call");
  input.push({ type: "function_call_output", call_id: call.call_id, output: "2" });
  const answer = await client.responses.create({ model, input, tools });
  assert.equal(answer.output_text, "Two.");
});

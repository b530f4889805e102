// Streams of runs with the newest client for Node: assistants=v2. The model is a scripted fake, see internal/testkit/scripted.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const skip = process.env.PARLEY_SCRIPTED ? false : "the server of this test has no scripted model";
const client = new OpenAI({ baseURL: `${process.env.PARLEY_URL}/v1`, apiKey: process.env.PARLEY_KEY, maxRetries: 0 });
const beta = client.beta;
const play = (...turns) => `play:${JSON.stringify(turns)}`;
const weather = {
  type: "function",
  function: { name: "get_weather", description: "Of a place", parameters: { type: "object", properties: { place: { type: "string" } } } },
};

test("runs.stream, then submitToolOutputsStream", { skip }, async () => {
  const assistant = await beta.assistants.create({ model: "scripted", instructions: "You help.", tools: [weather] });
  const call = { name: "get_weather", arguments: '{"place":"Seoul"}' };
  const thread = await beta.threads.create({ messages: [{ role: "user", content: play({ calls: [call] }, { text: "It is warm." }) }] });
  const told = [];
  const stream = beta.threads.runs
    .stream(thread.id, { assistant_id: assistant.id })
    .on("toolCallDone", (c) => told.push(["call", c.function.name, c.function.arguments]))
    .on("runStepCreated", (s) => told.push(["step", s.type]));
  const run = await stream.finalRun();
  assert.equal(run.status, "requires_action");
  assert.deepEqual(told, [["step", "tool_calls"], ["call", "get_weather", '{"place":"Seoul"}']]);
  const calls = run.required_action.submit_tool_outputs.tool_calls;
  const texts = [];
  const rest = beta.threads.runs
    .submitToolOutputsStream(run.id, { thread_id: thread.id, tool_outputs: [{ tool_call_id: calls[0].id, output: "warm" }] })
    .on("textDelta", (d) => texts.push(d.value))
    .on("textDone", (t) => texts.push(`= ${t.value}`));
  assert.equal((await rest.finalRun()).status, "completed");
  assert.deepEqual(texts, ["It ", "is ", "warm.", "= It is warm."]);
  const messages = await beta.threads.messages.list(thread.id);
  assert.equal(messages.data[0].content[0].text.value, "It is warm.");
});

test("createAndPoll and cancel", { skip }, async () => {
  const assistant = await beta.assistants.create({ model: "scripted" });
  const thread = await beta.threads.create({ messages: [{ role: "user", content: play({ text: "never", delay_ms: 60000 }) }] });
  const run = await beta.threads.runs.create(thread.id, { assistant_id: assistant.id });
  await beta.threads.runs.cancel(run.id, { thread_id: thread.id });
  assert.equal((await beta.threads.runs.poll(run.id, { thread_id: thread.id }, { pollIntervalMs: 20 })).status, "cancelled");
});

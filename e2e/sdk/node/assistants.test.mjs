// The objects of the Assistants API of April 2024 with the newest Node client.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.env.PARLEY_URL + "/v1", apiKey: process.env.PARLEY_KEY, maxRetries: 0 });
const { assistants, threads } = client.beta;

test("an assistant and its files", async () => {
  const file = await client.files.create({ file: await toFile(Buffer.from("a,b\n1,2\n"), "data.csv"), purpose: "assistants" });
  const made = await assistants.create({
    model: "gpt-4-turbo-preview",
    name: "Data visualizer",
    tools: [{ type: "code_interpreter" }, { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }],
    tool_resources: { code_interpreter: { file_ids: [file.id] } },
  });
  assert.deepEqual(made.tool_resources.code_interpreter.file_ids, [file.id]);
  assert.deepEqual(await assistants.retrieve(made.id), made);
  assert.equal((await assistants.update(made.id, { name: null })).name, null);
  const seen = [];
  for await (const a of assistants.list({ limit: 1 })) seen.push(a.id);
  assert.ok(seen.includes(made.id));
  assert.equal((await assistants.delete(made.id)).object, "assistant.deleted");
  await assert.rejects(assistants.retrieve(made.id), (e) => e instanceof OpenAI.NotFoundError);
});

test("a thread and its messages", async () => {
  const thread = await threads.create({ messages: [{ role: "user", content: "Hi" }], metadata: { a: "b" } });
  for (let i = 0; i < 4; i++) await threads.messages.create(thread.id, { role: "user", content: `message ${i}` });
  const texts = [];
  for await (const m of threads.messages.list(thread.id, { order: "asc", limit: 2 })) texts.push(m.content[0].text.value);
  assert.deepEqual(texts, ["Hi", "message 0", "message 1", "message 2", "message 3"]);
  const [last] = (await threads.messages.list(thread.id, { limit: 1 })).data;
  assert.deepEqual((await threads.messages.update(last.id, { thread_id: thread.id, metadata: { k: "v" } })).metadata, { k: "v" });
  assert.equal((await threads.messages.delete(last.id, { thread_id: thread.id })).deleted, true);
  assert.equal((await threads.delete(thread.id)).deleted, true);
  await assert.rejects(threads.messages.create(thread.id, { role: "user", content: "x" }), (e) => e.status === 404);
});

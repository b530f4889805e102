// Files and resumable uploads with the newest openai for Node.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: `${process.env.PARLEY_URL}/v1`, apiKey: process.env.PARLEY_KEY });

test("files", async () => {
  const made = await client.files.create({
    file: await toFile(Readable.from([Buffer.from("some "), Buffer.from("notes")]), "notes.txt"),
    purpose: "user_data",
  });
  assert.equal(made.filename, "notes.txt");
  assert.equal(made.bytes, 10);
  assert.equal((await client.files.waitForProcessing(made.id)).status, "processed");
  const seen = [];
  for await (const file of client.files.list({ limit: 1, purpose: "user_data" })) seen.push(file.id);
  assert.equal(seen.filter((id) => id === made.id).length, 1);
  const answer = await client.files.content(made.id);
  assert.equal(await answer.text(), "some notes");
  assert.equal((await client.files.delete(made.id)).deleted, true);
  await assert.rejects(client.files.retrieve(made.id), OpenAI.NotFoundError);
});

test("uploads", async () => {
  const upload = await client.uploads.create({ filename: "a.txt", purpose: "assistants", bytes: 8, mime_type: "text/plain" });
  const [second, first] = await Promise.all(
    ["5678", "1234"].map(async (data) => client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(data), "part") })),
  );
  const done = await client.uploads.complete(upload.id, { part_ids: [first.id, second.id] });
  assert.equal(done.status, "completed");
  assert.equal(await (await client.files.content(done.file.id)).text(), "12345678");
  await client.files.delete(done.file.id);
});

test("what is wrong with a training file is named", async () => {
  await assert.rejects(
    client.files.create({ file: await toFile(Buffer.from('{"prompt": "a"}\n'), "a.jsonl"), purpose: "fine-tune" }),
    /Missing 'completion' key on line 1/,
  );
});

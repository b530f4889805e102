// Vector stores as OpenAI's guide uses them, on the real embedding model.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.env.PARLEY_URL + "/v1", apiKey: process.env.PARLEY_KEY });

test("files are uploaded, read and searched", async () => {
  const store = await client.vectorStores.create({ name: "Support FAQ" });
  const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, {
    files: [
      await toFile(Buffer.from("You can return what you bought within thirty days."), "returns.txt"),
      await toFile(Buffer.from("# Shipping\n\nParcels arrive within a week."), "shipping.md"),
    ],
  });
  assert.equal(batch.status, "completed");
  assert.equal(batch.file_counts.completed, 2);

  const names = [];
  for await (const hit of client.vectorStores.search(store.id, { query: "When does my package come?" })) names.push(hit.filename);
  assert.equal(names[0], "shipping.md");

  const file = await client.vectorStores.files.uploadAndPoll(store.id, await toFile(Buffer.from("Gift cards never expire."), "cards.txt"));
  assert.equal(file.status, "completed");
  const found = await client.vectorStores.search(store.id, { query: ["gift cards"], max_num_results: 1 });
  assert.equal(found.data.length, 1);
  assert.equal(found.data[0].file_id, file.id);

  assert.equal((await client.vectorStores.delete(store.id)).deleted, true);
  await assert.rejects(client.vectorStores.retrieve(store.id), OpenAI.NotFoundError);
});

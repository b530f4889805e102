// The error classes of today's client for Node, as its documentation promises them. Seeds from 90 on make the
// fake engine of these tests fail (e2e/sdk/errors_test.go).
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = (options = {}) =>
  new OpenAI({
    baseURL: process.env.PARLEY_URL + "/v1",
    apiKey: process.env.PARLEY_KEY,
    maxRetries: 0,
    ...options,
  });

const chat = (change, options) =>
  client(options).chat.completions.create({
    model: "gpt-4",
    messages: [{ role: "user", content: "Say hello." }],
    ...change,
  });

async function fails(cls, status, promise, { code = null, param = null, type = "invalid_request_error", text = "" }) {
  const e = await promise.then(
    () => assert.fail("no error"),
    (err) => err,
  );
  assert.equal(e.constructor, cls, `${e.constructor.name}: ${e.message}`);
  assert.deepEqual([e.status, e.code, e.param, e.type], [status, code, param, type]);
  assert.ok(e.message.includes(text), e.message);
  assert.match(e.requestID, /^req_/);
  assert.equal(e.headers.get("openai-version"), "2020-10-01");
  return e;
}

test("BadRequestError", async () => {
  await fails(OpenAI.BadRequestError, 400, chat({ temperature: 3 }), {
    code: "decimal_above_max_value",
    param: "temperature",
    text: "3 is greater than the maximum of 2 - 'temperature'",
  });
  await fails(OpenAI.BadRequestError, 400, chat({ model: "" }), { text: "you must provide a model parameter" });
});

test("AuthenticationError", async () => {
  await fails(OpenAI.AuthenticationError, 401, chat({}, { apiKey: "sk-wrong" }), {
    code: "invalid_api_key",
    text: "Incorrect API key provided: sk-",
  });
});

test("PermissionDeniedError", async () => {
  await fails(OpenAI.PermissionDeniedError, 403, chat({}, { apiKey: process.env.PARLEY_READER_KEY }), {
    code: "missing_scope",
  });
});

test("NotFoundError", async () => {
  await fails(OpenAI.NotFoundError, 404, chat({ model: "no-such" }), { code: "model_not_found", param: "model" });
});

test("ConflictError", async () => {
  await fails(OpenAI.ConflictError, 409, chat({ seed: 97 }), {});
});

test("RateLimitError", async () => {
  await fails(OpenAI.RateLimitError, 429, chat({ seed: 91 }), { type: "server_error", text: "currently overloaded" });
  await fails(OpenAI.RateLimitError, 429, chat({ seed: 92 }), { code: "insufficient_quota", type: "insufficient_quota" });
});

test("InternalServerError", async () => {
  await fails(OpenAI.InternalServerError, 500, chat({ seed: 94 }), { type: "server_error" });
  await fails(OpenAI.InternalServerError, 503, chat({ seed: 90 }), { type: "server_error" });
});

test("an error while streaming", async () => {
  let text = "";
  await assert.rejects(
    async () => {
      for await (const chunk of await chat({ seed: 95, stream: true })) text += chunk.choices[0]?.delta?.content ?? "";
    },
    (e) => e.constructor === OpenAI.APIError && e.type === "server_error",
  );
  assert.equal(text, "Ech");
});

test("APIConnectionTimeoutError", async () => {
  await assert.rejects(chat({ seed: 96 }, { timeout: 500 }), (e) => e.constructor === OpenAI.APIConnectionTimeoutError);
});

test("APIConnectionError", async () => {
  await assert.rejects(
    chat({}, { baseURL: "http://127.0.0.1:1/v1" }),
    (e) => e.constructor === OpenAI.APIConnectionError,
  );
});

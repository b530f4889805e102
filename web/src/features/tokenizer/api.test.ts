import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, it, vi } from "vitest";
import { chatQuery, shownBytes, textQuery } from "./api";

type Body = { text?: string; pieces?: boolean; count_only?: boolean };

/** A stand-in for the server that counts bytes, and keeps what it was asked. */
function serve() {
  const asked: Body[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const body = (await request.json()) as Body;
    asked.push(body);
    const bytes = [...new TextEncoder().encode(body.text ?? "")];
    return Response.json({
      count: bytes.length,
      ...(!body.count_only && { tokens: bytes }),
      ...(body.pieces && { pieces: bytes.map((byte) => ({ token: "", bytes: [byte] })) }),
      ...(body.text === undefined && { messages: [1], overhead: 7 }),
    });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

const client = () => new QueryClient({ defaultOptions: { queries: { retry: false } } });

it("asks for a short text once, with its special tokens as plain text", async () => {
  const asked = serve();
  const answer = await client().query(textQuery({ encoding: "r50k_base" }, "aé", false));
  expect(asked).toEqual([{ encoding: "r50k_base", disallowed_special: [], text: "aé", pieces: true }]);
  expect(answer).toMatchObject({ count: 3, cutAt: null });
  expect(answer.groups.map((group) => group.text)).toEqual(["a", "é"]);
  expect(answer.groups[1]?.pieces[0]?.id).toBe(0xc3);
});

it("asks for special tokens when they are wanted, and a model without rules of an encoding", async () => {
  const asked = serve();
  await client().query(textQuery({ encoding: "r50k_base" }, "a", true));
  await client().query(textQuery({ model: "small" }, "a", false));
  expect(asked).toEqual([
    { encoding: "r50k_base", allowed_special: "all", text: "a", pieces: true },
    { model: "small", text: "a", pieces: true },
  ]);
});

it("counts all of a long text and shows its beginning", async () => {
  const asked = serve();
  const text = "안녕 ".repeat(5000);
  const answer = await client().query(textQuery({ encoding: "r50k_base" }, text, false));
  expect(answer.count).toBe(35_000);
  expect(asked.map((body) => body.text?.length).sort()).toEqual([answer.cutAt, text.length].sort());
  expect(answer.groups.flatMap((group) => group.pieces).length).toBeLessThanOrEqual(shownBytes);
});

it("shows the prompt that a model is given, unless it is long", async () => {
  const asked = serve();
  const chat = (content: string) => [{ role: "user", content }];
  const short = await client().query(chatQuery({ model: "small" }, chat("a")));
  expect(short).toMatchObject({ messages: [1], overhead: 7, cutAt: null });
  const long = await client().query(chatQuery({ model: "small" }, chat("a".repeat(shownBytes))));
  expect(long.cutAt).toBe(0);
  await client().query(chatQuery({ encoding: "cl100k_base" }, chat("a")));
  expect(asked.map((body) => [body.pieces, body.count_only])).toEqual([
    [true, undefined],
    [undefined, true],
    [undefined, true],
  ]);
});

it("gives up what nobody waits for any more", async () => {
  let signal: AbortSignal | undefined;
  vi.stubGlobal("fetch", (request: Request) => {
    signal = request.signal;
    return new Promise(() => undefined);
  });
  const queries = client();
  const query = textQuery({ encoding: "r50k_base" }, "a", false);
  const answer = queries.query(query).catch(() => "given up");
  await vi.waitFor(() => expect(signal).toBeDefined());
  await queries.cancelQueries({ queryKey: query.queryKey });
  expect(signal?.aborted).toBe(true);
  expect(await answer).toBe("given up");
});

import { describe, expect, it } from "vitest";
import { readableRequest, readableResponse } from "./readable";

describe("readableRequest", () => {
  it("has a part for each message, with functions that it calls", () => {
    const body = JSON.stringify({
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: [{ type: "text", text: "Look" }, { type: "image_url" }] },
        { role: "assistant", content: null, tool_calls: [{ id: "call_1" }] },
      ],
    });
    const parts = readableRequest(body);
    expect(parts.map((part) => part.label)).toEqual(["system", "user", "assistant"]);
    expect(parts[0]?.text).toBe("Be kind.");
    expect(parts[1]?.text).toContain("Look\n");
    expect(parts[1]?.text).toContain("image_url");
    expect(parts[2]?.text).toContain("call_1");
  });

  it("has the prompt, the input or whatever was sent", () => {
    expect(readableRequest('{"model":"x","prompt":"Once"}')).toEqual([{ label: "prompt", text: "Once" }]);
    expect(readableRequest('{"input":["a",["b"]]}')).toEqual([{ label: "input", text: 'a\n[\n  "b"\n]' }]);
    expect(readableRequest('{"x":1}')).toEqual([{ label: "", text: '{\n  "x": 1\n}' }]);
    expect(readableRequest('{"messages":[{"role":"us')).toEqual([
      { label: "", text: '{"messages":[{"role":"us' },
    ]);
  });
});

describe("readableResponse", () => {
  it("has the text of each choice", () => {
    expect(readableResponse('{"choices":[{"index":0,"message":{"content":"Hi"}}]}')).toEqual([
      { label: "", text: "Hi" },
    ]);
    expect(readableResponse('{"choices":[{"index":1,"text":"b"},{"index":0,"text":"a"}]}')).toEqual([
      { label: "0", text: "a" },
      { label: "1", text: "b" },
    ]);
  });

  it("puts a stream together, with the error that ended it", () => {
    const stream = [
      'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}',
      'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}',
      'data: {"choices":[{"index":0,"delta":{"content":"lo"}}]}',
      'data: {"error":{"message":"Gone."}}',
      "data: [DONE]",
    ].join("\n\n");
    const parts = readableResponse(stream);
    expect(parts.at(-1)).toEqual({ label: "0", text: "Hello" });
    expect(parts[0]?.label).toBe("error");
    expect(parts[0]?.text).toContain("Gone.");
  });

  it("leaves alone what it does not know", () => {
    expect(readableResponse("")).toEqual([]);
    expect(readableResponse("plain")).toEqual([{ label: "", text: "plain" }]);
    expect(readableResponse('{"data":[]}')).toEqual([{ label: "", text: '{\n  "data": []\n}' }]);
  });
});

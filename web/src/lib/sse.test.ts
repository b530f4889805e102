import { describe, expect, it } from "vitest";
import { createParser, readEvents, type ServerEvent } from "./sse";

function parse(...chunks: string[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const parser = createParser((event) => events.push(event));
  for (const chunk of chunks) parser.push(chunk);
  return events;
}

describe("createParser", () => {
  it("reads names, data of several lines, comments and unnamed events", () => {
    expect(parse(": hello\nevent: a\ndata: 1\ndata: 2\n\ndata:3\n\n")).toEqual([
      { event: "a", data: "1\n2" },
      { event: "message", data: "3" },
    ]);
  });

  it("gives the same events wherever the text is cut", () => {
    const text = "\uFEFFevent: a\r\ndata: 안녕\r\n\r\ndata: x\r\rdata: [DONE]\n\n";
    const whole = parse(text);
    expect(whole).toHaveLength(3);
    for (let cut = 1; cut < text.length; cut++) {
      expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    }
    expect(parse(...text.split(/(?:)/u))).toEqual(whole);
  });

  it("drops an event that the end cut short, and events without data", () => {
    expect(parse("event: a\n\ndata: 1")).toEqual([]);
  });
});

describe("readEvents", () => {
  it("joins characters whose bytes came in two pieces", async () => {
    const bytes = new TextEncoder().encode("data: 한\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, 7));
        controller.enqueue(bytes.slice(7));
        controller.close();
      },
    });
    const events: ServerEvent[] = [];
    for await (const event of readEvents(body)) events.push(event);
    expect(events).toEqual([{ event: "message", data: "한" }]);
  });
});

import { expect, it } from "vitest";
import type { Changes, Entry } from "./api";
import { bodyOf, changesOf, draftOf } from "./form";

it("sends back what it was given, and nothing else", () => {
  const changes: Partial<Changes> = {
    served: "m",
    serves: "code",
    window: 4096,
    input_price: 0,
    shutdown: "never",
    announced: "2024-01-04",
    moves: [],
    after: "fail",
  };
  expect(bodyOf(draftOf(changes), changes)).toEqual(changes);
  expect(bodyOf(draftOf({}), {})).toEqual({});
});

it("leaves out what was emptied, and what is no number for the server to say so", () => {
  const draft = {
    ...draftOf({ served: "m", window: 5 }),
    served: "  ",
    window: "1,000",
    output_price: "0.5",
  };
  expect(bodyOf(draft, {})).toEqual({ window: "1,000", output_price: 0.5 });
});

it("begins with the changes of its own layer only", () => {
  const entry = { layer: "installation", changes: { served: "m" } } as Entry;
  expect(changesOf(entry, "organization")).toEqual({});
  expect(changesOf(entry, "installation")).toEqual({ served: "m" });
});

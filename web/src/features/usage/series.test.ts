import { describe, expect, it } from "vitest";
import type { UsageSum } from "./api";
import { measures, mostGroups, seriesByGroup, seriesOfFigures } from "./series";

const sum = (start: number, model: string, requests: number): UsageSum => ({
  object: "usage.sum",
  start_time: start,
  end_time: start + 60,
  group: { model },
  requests,
  errors: 0,
  model_requests: requests,
  input_tokens: 0,
  input_cached_tokens: 0,
  output_tokens: 0,
  cost_usd: 0,
  unpriced_requests: 0,
  latency_ms: { p50: requests, p95: 0, p99: 0 },
  first_token_ms: { p50: 0, p95: 0, p99: 0 },
});

const name = (group: string) => group.toUpperCase();

describe("seriesByGroup", () => {
  it("puts sums into their buckets, the largest group first", () => {
    const got = seriesByGroup(
      [sum(0, "a", 1), sum(60, "a", 2), sum(60, "b", 9), sum(999, "a", 7)],
      [0, 60, 120],
      "model",
      measures.requests,
      name,
      "Other",
    );
    expect(got).toEqual([
      { id: "b", label: "B", values: [0, 9, 0], tone: 0 },
      { id: "a", label: "A", values: [1, 2, 0], tone: 1 },
    ]);
  });

  it("makes one of the groups beyond those with a colour", () => {
    const many = Array.from({ length: 20 }, (_, i) => sum(0, `m${i}`, 100 - i));
    const got = seriesByGroup(many, [0], "model", measures.requests, name, "Other");
    expect(got).toHaveLength(mostGroups + 1);
    expect(got.at(-1)).toEqual({ id: " other", label: "Other", values: [1038], tone: "other" });
    const total = got.reduce((n, s) => n + (s.values[0] ?? 0), 0);
    expect(total).toBe(many.reduce((n, s) => n + s.requests, 0));
  });

  it("adds what the server did not tell apart", () => {
    const got = seriesByGroup(
      [sum(0, "a", 5), { ...sum(0, "", 7), others: true }, { ...sum(60, "", 2), others: true }],
      [0, 60],
      "model",
      measures.requests,
      name,
      "Other",
    );
    expect(got).toEqual([
      { id: "a", label: "A", values: [5, 0], tone: 0 },
      { id: " other", label: "Other", values: [7, 2], tone: "other" },
    ]);
  });

  it("shows one more group rather than one called other", () => {
    const nine = Array.from({ length: mostGroups + 1 }, (_, i) => sum(0, `m${i}`, 100 - i));
    expect(seriesByGroup(nine, [0], "model", measures.requests, name, "Other").at(-1)?.id).toBe("m8");
  });
});

it("figures have gaps where nothing was asked", () => {
  expect(
    seriesOfFigures([sum(60, "", 5)], [0, 60], [{ id: "p50", label: "p50", of: (s) => s.latency_ms.p50 }]),
  ).toEqual([{ id: "p50", label: "p50", values: [null, 5] }]);
});

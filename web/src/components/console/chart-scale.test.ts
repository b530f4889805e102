import { describe, expect, it } from "vitest";
import { barAt, labelEvery, linePaths, ticks } from "./chart-scale";

describe("ticks", () => {
  it("hold the largest value in few round steps", () => {
    expect(ticks(7)).toEqual([0, 2, 4, 6, 8]);
    expect(ticks(100)).toEqual([0, 25, 50, 75, 100]);
    expect(ticks(0.3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(0.000_012)).toEqual([0, 0.000_005, 0.000_01, 0.000_015]);
    expect(ticks(1)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  it("are whole for what is counted", () => {
    expect(ticks(2, true)).toEqual([0, 1, 2]);
    expect(ticks(1, true)).toEqual([0, 1]);
    expect(ticks(9, true)).toEqual([0, 5, 10]);
    expect(ticks(100, true)).toEqual([0, 25, 50, 75, 100]);
  });

  it("are there when nothing is", () => {
    expect(ticks(0)).toEqual([0, 1]);
    expect(ticks(NaN)).toEqual([0, 1]);
  });

  it("always reach the value, whatever it is", () => {
    for (let i = -9; i < 15; i++) {
      for (const n of [1, 1.7, 3.3, 9.99]) {
        const max = n * 10 ** i;
        const all = ticks(max);
        expect(all.at(-1), String(max)).toBeGreaterThanOrEqual(max * (1 - 1e-9));
        expect(all.length, String(max)).toBeLessThanOrEqual(6);
      }
    }
  });
});

it("labels keep apart", () => {
  for (const buckets of [1, 7, 24, 31, 168, 744]) {
    for (const width of [280, 700, 1100]) {
      const every = labelEvery(buckets, width, 56);
      expect((width / buckets) * every, `${buckets} in ${width}`).toBeGreaterThanOrEqual(
        Math.min(width / buckets, 56) - 1e-9,
      );
    }
  }
  expect(labelEvery(31, 310, 56)).toBe(7);
});

it("bars stay inside their buckets", () => {
  for (const buckets of [1, 7, 31, 168, 1440]) {
    for (const width of [280, 1100]) {
      const step = width / buckets;
      for (const i of [0, buckets - 1]) {
        const bar = barAt(i, buckets, width);
        expect(bar.x).toBeGreaterThanOrEqual(i * step - 1e-9);
        expect(bar.x + bar.width).toBeLessThanOrEqual((i + 1) * step + 1e-9);
      }
    }
  }
});

it("a line breaks where no value is", () => {
  const same = (n: number) => n;
  expect(linePaths([1, 2, null, 3], same, same)).toEqual([
    { path: "M0.0,1.0L1.0,2.0", single: false },
    { path: "M3.0,3.0", single: true },
  ]);
  expect(linePaths([null, null], same, same)).toEqual([]);
});

import { describe, expect, it } from "vitest";
import { inside, isNow, months, outside, readPeriod, shift } from "./period";

const now = Date.UTC(2024, 0, 4, 12) / 1000;

describe("readPeriod", () => {
  it("takes a month by days, a day by hours, an hour by minutes", () => {
    expect(readPeriod("2024-02", now)).toMatchObject({ unit: "month", width: "1d", text: "2024-02" });
    expect(readPeriod("2024-02", now).buckets).toHaveLength(29);
    expect(readPeriod("2023-11-06", now)).toMatchObject({
      unit: "day",
      start: Date.UTC(2023, 10, 6) / 1000,
      end: Date.UTC(2023, 10, 7) / 1000,
    });
    expect(readPeriod("2023-11-06", now).buckets).toHaveLength(24);
    expect(readPeriod("2023-11-06T13", now).buckets).toHaveLength(60);
  });

  it("takes what is none for this month", () => {
    for (const text of [
      undefined,
      "",
      "now",
      "2023-13",
      "2023-02-30",
      "2023-11-06T24",
      "1969-12",
      "2023-1",
    ]) {
      expect(readPeriod(text, now).text, text).toBe("2024-01");
    }
  });
});

it("goes on, back, in and out", () => {
  expect(shift(readPeriod("2024-01"), -1)).toBe("2023-12");
  expect(shift(readPeriod("2023-12"), 1)).toBe("2024-01");
  expect(shift(readPeriod("2024-03-01"), -1)).toBe("2024-02-29");
  expect(shift(readPeriod("2023-12-31T23"), 1)).toBe("2024-01-01T00");
  const month = readPeriod("2023-11");
  expect(inside(month, month.buckets[5] ?? 0)).toBe("2023-11-06");
  const day = readPeriod("2023-11-06");
  expect(inside(day, day.buckets[13] ?? 0)).toBe("2023-11-06T13");
  expect(inside(readPeriod("2023-11-06T13"), 0)).toBe(null);
  expect(outside(day)).toBe("2023-11");
  expect(outside(readPeriod("2023-11-06T13"))).toBe("2023-11-06");
  expect(outside(month)).toBe(null);
});

it("knows whether it is running", () => {
  expect(isNow(readPeriod("2024-01"), now)).toBe(true);
  expect(isNow(readPeriod("2024-01-04T11"), now)).toBe(false);
});

it("offers two years of months, and the one on show", () => {
  expect(months(readPeriod("2024-01"), now)).toHaveLength(24);
  expect(months(readPeriod("2019-05"), now).at(-1)).toBe("2019-05");
});

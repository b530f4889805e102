import { describe, expect, it } from "vitest";
import { arrange, type Arrangement, pageOf, pageSize } from "./arrange";

type Row = { name: string; size: number | null };

const rows: Row[] = [
  { name: "Zoë 10", size: 3 },
  { name: "zoe 9", size: null },
  { name: "다람쥐", size: 20 },
  { name: "Ábel", size: 100 },
];

const how = (change: Partial<Arrangement<Row>>): Arrangement<Row> => ({
  query: "",
  textOf: (row) => `${row.name} ${row.size ?? ""}`,
  descending: false,
  matches: () => true,
  locale: "en",
  ...change,
});
const names = (change: Partial<Arrangement<Row>>) => arrange(rows, how(change)).map((row) => row.name);

describe("arrange", () => {
  it("keeps the order that rows came in, without a column to sort by", () => {
    expect(names({})).toEqual(rows.map((row) => row.name));
  });

  it("sorts words as people do, and numbers in words by their size", () => {
    expect(names({ sortBy: (row) => row.name })).toEqual(["Ábel", "zoe 9", "Zoë 10", "다람쥐"]);
    expect(names({ sortBy: (row) => row.name, descending: true })[0]).toBe("다람쥐");
  });

  it("puts rows without a value last in either direction", () => {
    expect(names({ sortBy: (row) => row.size })).toEqual(["Zoë 10", "다람쥐", "Ábel", "zoe 9"]);
    expect(names({ sortBy: (row) => row.size, descending: true })).toEqual([
      "Ábel",
      "다람쥐",
      "Zoë 10",
      "zoe 9",
    ]);
  });

  it("finds all words anywhere, whatever their case and accents", () => {
    expect(names({ query: "ZOE" })).toEqual(["Zoë 10", "zoe 9"]);
    expect(names({ query: "3 zoe" })).toEqual(["Zoë 10"]);
    expect(names({ query: "람쥐" })).toEqual(["다람쥐"]);
    expect(names({ query: "zoe 다람쥐" })).toEqual([]);
  });

  it("keeps to the filters", () => {
    expect(names({ matches: (row) => row.size === null })).toEqual(["zoe 9"]);
  });
});

describe("pageOf", () => {
  const many = Array.from({ length: 2 * pageSize + 1 }, (_, i) => i);

  it("cuts the rows, and knows how many pages there are", () => {
    expect(pageOf(many, 3)).toEqual({ rows: [2 * pageSize], page: 3, pages: 3 });
  });

  it("answers with the nearest page for one that is not there", () => {
    expect(pageOf(many, 99).page).toBe(3);
    expect(pageOf(many, -1).page).toBe(1);
    expect(pageOf(many, Number.NaN).page).toBe(1);
    expect(pageOf([], 7)).toEqual({ rows: [], page: 1, pages: 1 });
  });
});

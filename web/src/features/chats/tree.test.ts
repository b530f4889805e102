import { expect, it } from "vitest";
import { message } from "./fixtures";
import { newestLeaf, pathTo } from "./tree";

// u1 ─ a1 ─ u2 ─ a2       an edited u1 is u1b, a1 asked for again is a1b
//    └ a1b
// u1b ─ a3
const messages = [
  message("u1", null),
  message("a1", "u1"),
  message("u2", "a1"),
  message("a2", "u2"),
  message("a1b", "u1"),
  message("u1b", null),
  message("a3", "u1b"),
];

const ids = (leaf: string | null) => pathTo(messages, leaf).map((s) => s.message.id);

it("shows one path from a root to the leaf", () => {
  expect(ids("a2")).toEqual(["u1", "a1", "u2", "a2"]);
  expect(ids("a1b")).toEqual(["u1", "a1b"]);
  expect(ids(null)).toEqual([]);
  expect(ids("gone")).toEqual([]);
});

it("counts the versions of each place, roots too", () => {
  const path = pathTo(messages, "a1b");
  expect(path.map((s) => [s.index, s.siblings.length])).toEqual([
    [0, 2],
    [1, 2],
  ]);
});

it("keeps the server's order for versions of one second, whatever their ids", () => {
  const second = [message("q", null), message("z", "q"), message("a", "q"), message("m", "q")];
  expect(pathTo(second, "a")[1]?.siblings.map((m) => m.id)).toEqual(["z", "a", "m"]);
  expect(newestLeaf(second, "q")).toBe("m");
});

it("turns to the newest leaf below a message", () => {
  expect(newestLeaf(messages, "u1")).toBe("a1b");
  expect(newestLeaf(messages, "a1")).toBe("a2");
  expect(newestLeaf(messages, "a3")).toBe("a3");
});

it("ends on a circle that no server should send", () => {
  const circle = [message("x", "y"), message("y", "x")];
  expect(pathTo(circle, "x")).toHaveLength(2);
  expect(["x", "y"]).toContain(newestLeaf(circle, "x"));
});

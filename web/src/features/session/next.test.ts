import { describe, expect, test } from "vitest";
import { safeNext } from "./next";

describe("where to go after signing in", () => {
  test.each(["/", "/settings", "/c/chat_1?x=1#y", "/account", "/console/keys?sort=-created", "/a//b"])(
    "%s is a page",
    (path) => {
      expect(safeNext(path)).toBe(path);
    },
  );

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/..//evil.example/",
    "/signin?token=x",
    "/api/session",
    "/v1/models",
    "",
    undefined,
    7,
    ["/settings"],
  ])("%s is none", (next) => {
    expect(safeNext(next)).toBeUndefined();
  });
});

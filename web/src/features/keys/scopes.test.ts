import { describe, expect, it } from "vitest";
import { levelsOf, noLevels, scopesOf } from "./scopes";

describe("levelsOf", () => {
  it("reads what the server writes, and keeps aside what the form has no row for", () => {
    const { levels, others } = levelsOf([
      "chat.*",
      "models.read",
      "files.read",
      "files.write",
      "usage.read",
      "keys.*",
    ]);
    expect(levels).toEqual({ ...noLevels, chat: "write", models: "read", files: "write" });
    expect(others).toEqual(["usage.read", "keys.*"]);
  });
});

describe("scopesOf", () => {
  it("leaves as it was what nobody touched", () => {
    const before = ["chat.write", "usage.read"];
    const { levels } = levelsOf(before);
    expect(scopesOf(levels, before)).toEqual(before);
    expect(scopesOf({ ...levels, images: "read" }, before)).toEqual([
      "chat.write",
      "images.read",
      "usage.read",
    ]);
  });

  it("writes and takes away what was chosen", () => {
    expect(scopesOf({ ...noLevels, chat: "read" }, ["chat.*"])).toEqual(["chat.read"]);
    expect(scopesOf({ ...noLevels, chat: "write" }, [])).toEqual(["chat.*"]);
    expect(scopesOf(noLevels, ["chat.*", "keys.read"])).toEqual(["keys.read"]);
  });
});

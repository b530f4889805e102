import { beforeEach, expect, it, vi } from "vitest";

/** A page that was just loaded: modules are new, the browser's storage is what it was. */
async function load() {
  vi.resetModules();
  const { ui } = await import("./ui");
  return { ...(await import("./drafts")), drafts: () => ui.get().drafts };
}

beforeEach(() => localStorage.clear());

it("brings a user's words back after a reload, and no other's", async () => {
  const before = await load();
  before.keepDraftsOf("user_1");
  before.setDraft("", "a new chat");
  before.setDraft("chat_1", "half a thou");
  before.setDraft("chat_2", "sent");
  before.setDraft("chat_2", "");

  const after = await load();
  expect(after.drafts()).toEqual({});
  after.keepDraftsOf("user_1");
  expect(after.drafts()).toEqual({ "": "a new chat", chat_1: "half a thou" });
  after.keepDraftsOf("user_2");
  expect(after.drafts()).toEqual({});
});

it("keeps what was written before it was known who writes", async () => {
  const before = await load();
  before.keepDraftsOf("user_1");
  before.setDraft("chat_1", "old");
  const after = await load();
  after.setDraft("chat_1", "new");
  after.keepDraftsOf("user_1");
  expect(after.drafts().chat_1).toBe("new");
});

it("leaves nothing behind when the user signs out", async () => {
  const page = await load();
  page.keepDraftsOf("user_1");
  page.setDraft("chat_1", "secret");
  page.forgetDrafts();
  expect(page.drafts()).toEqual({});
  expect(Object.keys(localStorage)).toEqual([]);
});

it("works without storage", async () => {
  const refuse = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const page = await load();
  page.keepDraftsOf("user_1");
  page.setDraft("chat_1", "words");
  expect(page.drafts().chat_1).toBe("words");
  refuse.mockRestore();
});

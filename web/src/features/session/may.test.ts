import { expect, it } from "vitest";
import type { Session } from "@/api/types";
import { may } from "./may";

// Only what the rule reads.
const session = (scopes: string[], operator = false) => ({ scopes, operator }) as Session;

it("holds a scope by its name or by a pattern, as the server does", () => {
  expect(may(session(["*"]), "organization.write")).toBe(true);
  expect(may(session(["keys.*"]), "keys.write")).toBe(true);
  expect(may(session(["*.read"]), "keys.read")).toBe(true);
  expect(may(session(["*.read"]), "keys.write")).toBe(false);
  expect(may(session(["keys.read"]), "keys.read")).toBe(true);
  expect(may(session(["keys.read"]), "audit.read")).toBe(false);
  expect(may(session(["organization.read"]), "project.read")).toBe(true);
  expect(may(session(["organization.read"]), "project.write")).toBe(false);
  expect(may(session(["project.*"]), "organization.read")).toBe(false);
  expect(may(undefined, "keys.read")).toBe(false);
});

it("takes nobody for the operator by their scopes", () => {
  expect(may(session(["*"]), "operator")).toBe(false);
  expect(may(session([], true), "operator")).toBe(true);
});

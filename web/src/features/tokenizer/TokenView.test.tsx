import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, expect, it } from "vitest";
import { initI18n } from "@/i18n";
import { groupPieces } from "./groups";
import { TokenView } from "./TokenView";

beforeAll(() => initI18n("en"));

const bytes = (text: string) => [...new TextEncoder().encode(text)];
const groups = groupPieces([
  { id: 10, bytes: bytes("Hi") },
  { id: 11, bytes: bytes(" 안").slice(0, 2) },
  { id: 12, bytes: bytes(" 안").slice(2) },
  { id: 13, bytes: bytes("\u200d") },
  { id: 14, bytes: bytes("\n") },
]);

it("shows whole letters over the bytes of their tokens, then the ids", async () => {
  const { container } = render(<TokenView groups={groups} busy={false} />);
  const region = screen.getByRole("region", { name: "Tokens" });
  const tokens = () => [...container.querySelectorAll("[data-token]")];
  expect(tokens().map((token) => token.textContent)).toEqual(["Hi", "20 ec", "95 88", "U+200D", "↵\n"]);
  expect(tokens().map((token) => token.getAttribute("title"))[0]).toBe("10 · 48 69");
  expect(region.textContent).toContain(" 안");
  await userEvent.click(screen.getByRole("radio", { name: "Token ids" }));
  expect(region.textContent).toBe("[10, 11, 12, 13, 14]");
});

it("gives neighbours different colours", () => {
  const { container } = render(<TokenView groups={groups} busy={false} />);
  const classes = [...container.querySelectorAll("[data-token]")].map(
    (token) => /bg-token-\d/.exec(token.className)?.[0],
  );
  expect(classes).toEqual(["bg-token-1", "bg-token-2", "bg-token-3", "bg-token-4", "bg-token-5"]);
});

it("says why there is nothing, and that more is coming", () => {
  render(<TokenView groups={[]} busy note="Nothing yet." />);
  expect(screen.getByText("Nothing yet.")).toBeDefined();
  expect(screen.getByRole("region").getAttribute("aria-busy")).toBe("true");
});

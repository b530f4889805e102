import { render, screen } from "@testing-library/react";
import { beforeAll, expect, it } from "vitest";
import type { Message } from "@/api/types";
import { initI18n } from "@/i18n";
import { message } from "./fixtures";
import { LiveAnswer } from "./LiveAnswer";

beforeAll(() => initI18n("en"));

const answer = (state: Message["state"], text: string) =>
  message("a", "u", { state, served_model: "small", content: [{ type: "text", text }] });

const lines = () => [...screen.getByRole("log").children].map((line) => line.textContent);

it("tells an answer sentence by sentence, and how it ended", () => {
  const { rerender } = render(<LiveAnswer message={answer("in_progress", "")} />);
  expect(lines()).toEqual(["small is answering."]);
  rerender(<LiveAnswer message={answer("in_progress", "One. Tw")} />);
  rerender(<LiveAnswer message={answer("in_progress", "One. Two")} />);
  expect(lines()).toEqual(["small is answering.", "One."]);
  rerender(<LiveAnswer message={answer("stopped", "One. Two")} />);
  expect(lines()).toEqual(["small is answering.", "One.", "Two", "The answer was stopped."]);
});

it("is silent about an answer that was there before", () => {
  render(<LiveAnswer message={answer("completed", "One.")} />);
  expect(lines()).toEqual([]);
});

import { describe, expect, it } from "vitest";
import type { Turn } from "./bench";
import { languages, program } from "./code";

const base = "http://127.0.0.1:8080/v1";
const turns: Turn[] = [
  {
    text: 'What\'s the "weather"?',
    attachments: [{ file_id: "file-1", tools: [{ type: "code_interpreter" }] }],
    choice: { type: "function", function: { name: "weather" } },
    outputs: [{ name: "weather", output: '{"sky": "blue"}' }],
  },
];

describe("a program", () => {
  it.each(languages)("in %s asks what was asked, in its order, and answers the calls", (language) => {
    const text = program(language, "asst_1", turns, base);
    const places = ["http://127.0.0.1:8080/v1", "weather", "file-1", "asst_1", "tool_choice"].map((piece) =>
      text.indexOf(piece),
    );
    expect(places).not.toContain(-1);
    expect(text).toMatch(/blue/);
    expect(text).toContain("OPENAI_API_KEY");
  });

  it("names the run as the Python client wants it, which takes no place for it", () => {
    expect(program("python", "asst_1", turns, base)).toContain("run_id=run.id");
  });

  it("has no functions where none was answered, and says hello where nothing was asked", () => {
    expect(program("python", "asst_1", [], base)).not.toContain("requires_action");
    expect(program("python", "asst_1", [], base)).toContain('content="Hello!"');
  });

  it("quotes for the shell", () => {
    expect(program("curl", "asst_1", turns, base)).toContain(`'\\''s the`);
  });
});

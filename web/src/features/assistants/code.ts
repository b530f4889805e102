import { nodeValue, pythonValue, quoted } from "@/features/playground/code";
import type { Turn } from "./bench";

/** A program that asks an assistant the same in a new thread. It asks the environment for the key. */
export const languages = ["python", "node", "curl"] as const;
export type Language = (typeof languages)[number];

/** What colours the code; see chats/highlight. */
export const grammar: Record<Language, string> = { python: "python", node: "javascript", curl: "bash" };

const example: Turn = { text: "Hello!", attachments: [], choice: "auto", outputs: [] };

/** Base is the address that the API's paths follow. Without turns the program says hello. */
export function program(language: Language, assistant: string, turns: readonly Turn[], base: string): string {
  const all = turns.length === 0 ? [example] : turns;
  switch (language) {
    case "python":
      return python(assistant, all, base);
    case "node":
      return node(assistant, all, base);
    case "curl":
      return curl(assistant, all, base);
  }
}

function messageOf({ text, attachments }: Turn) {
  return { role: "user", content: text, ...(attachments.length > 0 && { attachments }) };
}

function optionsOf({ choice }: Turn) {
  return choice === "auto" ? {} : { tool_choice: choice };
}

/** Answers by the function's name; of several calls of one function the last. */
function answersOf(turns: readonly Turn[]): Record<string, string> {
  return Object.fromEntries(
    turns.flatMap(({ outputs }) => outputs.map(({ name, output }) => [name, output])),
  );
}

function python(assistant: string, turns: readonly Turn[], base: string): string {
  const answers = answersOf(turns);
  const calls = Object.keys(answers).length > 0;
  const args = (values: Record<string, unknown>) =>
    Object.entries(values)
      .map(([name, value]) => `    ${name}=${pythonValue(value, 1)},\n`)
      .join("");
  const asked = turns.map(
    (turn) => `client.beta.threads.messages.create(
    thread_id=thread.id,
${args(messageOf(turn))})
run = client.beta.threads.runs.create_and_poll(
    thread_id=thread.id,
    assistant_id=${pythonValue(assistant, 0)},
${args(optionsOf(turn))})
${calls ? "run = answered(run)\n" : ""}print(run.status, run.last_error or "")
`,
  );
  return `import os
from openai import OpenAI

client = OpenAI(
    base_url=${pythonValue(base, 0)},
    api_key=os.environ["OPENAI_API_KEY"],
)
${
  calls
    ? `
# What the functions return: call yours here.
answers = ${pythonValue(answers, 0)}


def answered(run):
    while run.status == "requires_action":
        calls = run.required_action.submit_tool_outputs.tool_calls
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id,
            thread_id=run.thread_id,
            tool_outputs=[
                {"tool_call_id": call.id, "output": answers[call.function.name]} for call in calls
            ],
        )
    return run

`
    : ""
}
thread = client.beta.threads.create()

${asked.join("\n")}
for message in client.beta.threads.messages.list(thread.id, order="asc"):
    for part in message.content:
        print(message.role, part.text.value if part.type == "text" else part.type, sep=": ")
`;
}

function node(assistant: string, turns: readonly Turn[], base: string): string {
  const answers = answersOf(turns);
  const calls = Object.keys(answers).length > 0;
  const asked = turns.map(
    (turn) => `await client.beta.threads.messages.create(thread.id, ${nodeValue(messageOf(turn), 0)});
run = await client.beta.threads.runs.createAndPoll(thread.id, ${nodeValue({ assistant_id: assistant, ...optionsOf(turn) }, 0)});
${calls ? "run = await answered(run);\n" : ""}console.log(run.status, run.last_error ?? "");
`,
  );
  return `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${nodeValue(base, 0)},
  apiKey: process.env.OPENAI_API_KEY,
});
${
  calls
    ? `
// What the functions return: call yours here.
const answers = ${nodeValue(answers, 0)};

async function answered(run) {
  while (run.status === "requires_action") {
    const calls = run.required_action.submit_tool_outputs.tool_calls;
    run = await client.beta.threads.runs.submitToolOutputsAndPoll(run.id, {
      thread_id: run.thread_id,
      tool_outputs: calls.map((call) => ({ tool_call_id: call.id, output: answers[call.function.name] })),
    });
  }
  return run;
}
`
    : ""
}
const thread = await client.beta.threads.create();
let run;

${asked.join("\n")}
for await (const message of client.beta.threads.messages.list(thread.id, { order: "asc" })) {
  for (const part of message.content) {
    console.log(\`\${message.role}: \${part.type === "text" ? part.text.value : part.type}\`);
  }
}
`;
}

function curl(assistant: string, turns: readonly Turn[], base: string): string {
  const headers = `  -H "Content-Type: application/json" \\
  -H "OpenAI-Beta: assistants=v2" \\
  -H "Authorization: Bearer $OPENAI_API_KEY"`;
  const post = (path: string, body: unknown, more = "") =>
    `curl ${more}"$base/${path}" \\\n${headers} \\\n  -d ${quoted(JSON.stringify(body, null, 2))}`;
  const asked = turns.map((turn) => {
    const run = { assistant_id: assistant, ...optionsOf(turn), stream: true };
    const outputs = turn.outputs.map(
      ({ name, output }) => `
# The run waits for ${name}: set run and call to the ids in the event thread.run.requires_action.
${post("threads/$thread/runs/$run/submit_tool_outputs", { tool_outputs: [{ tool_call_id: "CALL", output }], stream: true }, "-N ").replace('"CALL"', `"'"$call"'"`)}
`,
    );
    return `${post("threads/$thread/messages", messageOf(turn))}

${post("threads/$thread/runs", run, "-N ")}
${outputs.join("")}`;
  });
  return `base=${quoted(base)}

# Its answer has the id of the thread.
${post("threads", {})}

thread=thread_…  # the id

${asked.join("\n")}`;
}

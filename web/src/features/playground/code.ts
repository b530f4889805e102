import { wellFormed } from "@/features/tokenizer/groups";
import type { Request } from "./request";

/** A program that sends a request as the playground does, without streaming. It asks the environment for the key. */
export const languages = ["python", "python028", "node", "curl"] as const;
export type Language = (typeof languages)[number];

/** What colours the code; see chats/highlight. */
export const grammar: Record<Language, string> = {
  python: "python",
  python028: "python",
  node: "javascript",
  curl: "bash",
};

/** Base is the address that the API's paths follow: "http://127.0.0.1:8080/v1". */
export function program(language: Language, { path, body }: Request, base: string): string {
  switch (language) {
    case "python":
      return python(path, body, base);
    case "python028":
      return python028(path, body, base);
    case "node":
      return node(path, body, base);
    case "curl":
      return curl(path, body, base);
  }
}

type Path = Request["path"];
type Body = Request["body"];

function python(path: Path, body: Body, base: string): string {
  const call: Record<Path, string> = {
    "/v1/chat/completions": "chat.completions.create",
    "/v1/completions": "completions.create",
    // The client has had no method for edits since November 2023.
    "/v1/edits": "post",
  };
  const args =
    path === "/v1/edits"
      ? `\n    "/edits",\n    cast_to=object,\n    body=${pythonValue(body, 1)},\n`
      : pythonArguments(known(body));
  return `import os
from openai import OpenAI

client = OpenAI(
    base_url=${pythonText(base)},
    api_key=os.environ["OPENAI_API_KEY"],
)

response = client.${call[path]}(${args})

print(response)
`;
}

/** What the clients of January 2024 have no argument for goes beside the arguments, where newer ones take it too. */
function known({ parallel_tool_calls, ...body }: Body): Body {
  return parallel_tool_calls === undefined ? body : { ...body, extra_body: { parallel_tool_calls } };
}

function python028(path: Path, body: Body, base: string): string {
  const call: Record<Path, string> = {
    "/v1/chat/completions": "ChatCompletion",
    "/v1/completions": "Completion",
    "/v1/edits": "Edit",
  };
  return `import os
import openai

openai.api_base = ${pythonText(base)}
openai.api_key = os.environ["OPENAI_API_KEY"]

response = openai.${call[path]}.create(${pythonArguments(body)})

print(response)
`;
}

function pythonArguments(body: Body): string {
  const lines = Object.entries(body).map(([key, value]) => `    ${key}=${pythonValue(value, 1)},\n`);
  return `\n${lines.join("")}`;
}

export function pythonValue(value: unknown, depth: number): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return pythonText(value);
  if (typeof value !== "object") return JSON.stringify(value);
  const indent = "    ".repeat(depth + 1);
  const end = "    ".repeat(depth);
  const lines = Array.isArray(value)
    ? value.map((item) => pythonValue(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${pythonText(key)}: ${pythonValue(item, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return lines.length === 0
    ? open + close
    : `${open}\n${lines.map((line) => `${indent}${line},\n`).join("")}${end}${close}`;
}

/** JSON's escapes mean the same in Python, but for halves of a pair; DEL is written out, as nobody sees it. */
function pythonText(text: string): string {
  return JSON.stringify(wellFormed(text)).replace(/\u007f/g, "\\u007f");
}

function node(path: Path, body: Body, base: string): string {
  const call: Record<Path, string> = {
    "/v1/chat/completions": "chat.completions.create(",
    "/v1/completions": "completions.create(",
    "/v1/edits": 'post("/edits", { body: ',
  };
  return `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${JSON.stringify(base)},
  apiKey: process.env.OPENAI_API_KEY,
});

const response = await client.${call[path]}${nodeValue(body, 0)}${path === "/v1/edits" ? " }" : ""});

console.log(JSON.stringify(response, null, 2));
`;
}

export function nodeValue(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(wellFormed(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const indent = "  ".repeat(depth + 1);
  const lines = Array.isArray(value)
    ? value.map((item) => nodeValue(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${nodeKey(key)}: ${nodeValue(item, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return lines.length === 0
    ? open + close
    : `${open}\n${lines.map((line) => `${indent}${line},\n`).join("")}${"  ".repeat(depth)}${close}`;
}

function nodeKey(key: string): string {
  // Written plainly it would set the prototype.
  if (key === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(wellFormed(key));
}

function curl(path: Path, body: Body, base: string): string {
  const json = JSON.stringify(
    body,
    (_, value: unknown) => (typeof value === "string" ? wellFormed(value) : value),
    2,
  );
  return `curl ${quoted(base + path.slice("/v1".length))} \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -d ${quoted(json)}
`;
}

/** A word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w:/.@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

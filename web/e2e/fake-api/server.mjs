// A stand-in for Parley's server: the browser API of the chat page, in memory, with answers from a list. It is for
// looking at pages and for tests of the pages alone; the end-to-end test runs against the real server.
//
//   node e2e/fake-api/server.mjs [port]      serves dist/ and /api on 127.0.0.1
//
// A text for the tokenizer with "slow" in it is slow, with "refuse" refused.
// A message steers its answer: "fail" breaks off as a died engine does, "drop" closes the connection, "long" is
// long, "slow" is slow, "markup" has pictures and HTML in it, "refuse" is refused with 429. Anything else gets Markdown with code, a list and a table.
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

const port = Number(process.argv[2] ?? 8099);
const dist = path.resolve(import.meta.dirname, "../../dist");
const types = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html" };

let count = 0;
const id = (kind) => `${kind}_${String(++count).padStart(6, "0")}`;
const now = () => Math.floor(Date.now() / 1000);
let state;

function chatOf(title, updated) {
  return {
    id: id("chat"),
    object: "chat",
    title,
    model: "gpt-3.5-turbo",
    current_message_id: null,
    created_at: updated,
    updated_at: updated,
    message_count: 0,
    messages: [],
  };
}

function reset() {
  const day = 24 * 60 * 60;
  const titles = [
    ["Sailing against the wind", 0],
    ["바람을 거슬러 가는 배", 0],
    ["Moving a meeting to Thursday", 1],
    ["Palindromes in Python", 3],
    ["A rainy Saturday with children, without spending much money at all", 5],
    ["김치찌개 끓이는 법", 12],
    ["Notes on the prefix cache", 20],
    ["Reading list for the winter", 70],
  ];
  state = {
    signedIn: false,
    chats: titles.map(([title, days]) => chatOf(title, now() - days * day)),
    models: [
      model("gpt-3.5-turbo", "smollm2-135m-instruct", "ready", { default: true }),
      model("gpt-4", "smollm2-135m-instruct", "ready"),
      model("qwen3-4b", "qwen3-4b-q4_k_m", "loading", { progress: 0.43, context_window: 32768 }),
      model("mistral-small", "mistral-small-24b", "cold", { context_window: 32768 }),
      model("text-embedding-ada-002", "all-minilm-l6-v2", "ready", { kind: "embedding" }),
    ],
  };
}

function model(name, served, loadState, rest = {}) {
  return {
    id: name,
    served_model: served,
    kind: "chat",
    state: loadState,
    progress: loadState === "ready" ? 1 : 0,
    default: false,
    context_window: 8192,
    ...rest,
  };
}

/** A chat with many turns, under an id that tests know. */
function longChat(turns) {
  const chat = { ...chatOf("A long conversation", now()), id: "chat_long" };
  for (let i = 0; i < turns; i++) {
    const parent = chat.current_message_id;
    const question = addMessage(chat, parent, "user", {
      content: [{ type: "text", text: `Question ${i + 1}?` }],
    });
    addMessage(chat, question.id, "assistant", {
      content: [{ type: "text", text: prose }],
      model: "gpt-3.5-turbo",
      served_model: "smollm2-135m-instruct",
    });
  }
  return chat;
}

const session = {
  user: { id: "user_1", name: "Owner", email: "owner@localhost" },
  role: "owner",
  organization: { id: "org_1", name: "Home" },
  project: { id: "proj_1", name: "Default project" },
  scopes: ["*"],
  operator: true,
};

const prose = `A sailing boat cannot go **straight** into the wind, but it can go *almost* there.

## Why it works

1. The sail is a wing: air flows faster on one side, and that pulls the boat forward and sideways.
2. The keel stops the sideways part. What is left points forward.
3. By turning from one side to the other – *tacking* – the boat climbs up the wind in a zigzag.

\`\`\`python
def headway(speed: float, angle: float) -> float:
    """Metres won against the wind in each second."""
    return speed * math.cos(math.radians(angle))  # 45 degrees is a good boat


print(f"{headway(3.2, 45):.2f} m/s")
\`\`\`

| Angle to the wind | Speed | Headway |
|---|---:|---:|
| 30° | 1.0 m/s | 0.9 m/s |
| 45° | 3.2 m/s | 2.3 m/s |
| 60° | 3.9 m/s | 2.0 m/s |

So the best way up is **not** the steepest one. Try it with \`headway(3.9, 60)\`.

> 배는 바람을 똑바로 거슬러 갈 수 없지만, 지그재그로는 갈 수 있습니다.
`;

const markup = `![a cat](https://example.com/cat.png)

<img src="https://example.com/spy.png"><script>window.spied = true</script>

[a link](https://example.com/) and [a trap](javascript:window.spied=true)
`;

const streams = new Map();

async function answer(res, chat, message, question) {
  const words = /markup/.test(question)
    ? markup
    : /long/.test(question)
      ? Array(12).fill(prose).join("\n")
      : prose;
  const pieces = words.match(/\s*\S+/g);
  const pause = /slow/.test(question) ? 120 : 6;
  const send = (event, data) => {
    if (!res.destroyed) res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  let stopped = false;
  streams.set(message.id, () => (stopped = true));
  for (const [i, text] of pieces.entries()) {
    if (stopped) break;
    if (!state.chats.includes(chat)) {
      // As the real server ends the stream of a chat that was deleted meanwhile.
      const error = {
        message: `No chat found with id '${chat.id}'.`,
        type: "invalid_request_error",
        param: "id",
      };
      res.end(`data: ${JSON.stringify({ error })}\n\n`);
      return;
    }
    if (i === 30 && /fail/.test(question)) {
      message.state = "failed";
      message.error = { message: "The engine stopped in the middle of the answer.", code: "engine_lost" };
      break;
    }
    if (i === 30 && /drop/.test(question)) {
      res.destroy();
      await new Promise((r) => setTimeout(r, 2500));
      message.state = "stopped";
      return;
    }
    message.content = [{ type: "text", text: (message.content[0]?.text ?? "") + text }];
    send("message.delta", { message_id: message.id, text });
    await new Promise((r) => setTimeout(r, pause));
  }
  if (message.state === "in_progress") message.state = stopped ? "stopped" : "completed";
  streams.delete(message.id);
  send(`message.${message.state}`, { message });
  if (chat.title === "") chat.title = question.slice(0, 40);
  send("chat.updated", { chat: bare(chat) });
  res.end("data: [DONE]\n\n");
}

function addMessage(chat, parent, role, rest) {
  const message = {
    id: id("msg"),
    object: "chat.message",
    chat_id: chat.id,
    parent_id: parent,
    role,
    content: [],
    state: "completed",
    model: null,
    served_model: null,
    error: null,
    usage: null,
    created_at: now(),
    ...rest,
  };
  chat.messages.push(message);
  chat.current_message_id = message.id;
  chat.message_count = chat.messages.length;
  chat.updated_at = now();
  return message;
}

const bare = (chat) => ({ ...chat, messages: undefined });

function fail(res, status, message, code = null) {
  json(res, status, { error: { message, type: "invalid_request_error", param: null, code } });
}

function json(res, status, body) {
  res.writeHead(status, { "Content-Type": "application/json" });
  res.end(JSON.stringify(body));
}

async function bodyOf(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {};
}

/** Tokens of the stand-in: words with the blank before them; letters beyond ASCII are a token for each byte. */
function tokensOf(text) {
  const words = text.match(/ ?[!-~]+|[\s\S]/gu) ?? [];
  return words.flatMap((word) => {
    const bytes = [...Buffer.from(word)];
    return word.charCodeAt(0) < 128 ? [bytes] : bytes.map((byte) => [byte]);
  });
}

async function tokenize(res, body) {
  const said = body.text ?? body.messages.map((m) => m.content).join("");
  if (said.includes("refuse")) return fail(res, 429, "Rate limit reached for default-cl100k_base");
  if (said.includes("slow")) await new Promise((r) => setTimeout(r, 1500));
  const contents = body.messages?.map((m) => tokensOf(m.content));
  const tokens = contents?.flat() ?? tokensOf(body.text);
  if (body.pieces && tokens.length > 20_000) return fail(res, 400, "The text has too many tokens to show.");
  const overhead = body.messages ? 3 + 4 * body.messages.length : 0;
  return json(res, 200, {
    object: "tokenization",
    encoding: body.encoding ?? "native",
    count: tokens.length + overhead,
    ...(contents && { messages: contents.map((c) => c.length), overhead }),
    ...(!body.count_only && { tokens: tokens.map((bytes) => 1000 + bytes[0]) }),
    ...(body.pieces && { pieces: tokens.map((bytes) => ({ token: Buffer.from(bytes).toString(), bytes })) }),
  });
}

function prices(res, body) {
  const of = (model, kind, encoding, input_price, output_price, context_window) => {
    const said = body.text ?? body.messages.map((m) => m.content).join("");
    return {
      model,
      kind,
      encoding,
      tokens: tokensOf(said).length,
      input_price,
      output_price,
      context_window,
    };
  };
  const all = [
    of("gpt-4", "chat", "cl100k_base", 0.03, 0.06, 8192),
    of("gpt-3.5-turbo-0301", "chat", "cl100k_base", 0.0015, 0.002, 4096),
    of("text-davinci-003", "completion", "p50k_base", 0.02, 0.02, 4097),
    of("text-embedding-ada-002", "embedding", "cl100k_base", 0.0001, null, 8191),
  ];
  json(res, 200, { object: "list", data: body.text === undefined ? all.slice(0, 2) : all });
}

async function api(req, res, url) {
  const route = `${req.method} ${url.pathname}`;
  const body = await bodyOf(req);
  if (route === "POST /api/fake/reset") {
    reset();
    state.signedIn = body.signedIn === true;
    if (body.chats === 0) state.chats = [];
    if (body.turns) state.chats.push(longChat(body.turns));
    return json(res, 200, {});
  }
  if (route === "POST /api/session/link") {
    const kind = body.token.startsWith("join-") ? "invite" : "signin";
    const operator = body.token === "good"; // "good" is the operator's, "stranger" and invitations are somebody's
    if (!operator && body.token !== "stranger" && kind === "signin")
      return fail(res, 401, "This sign-in link has been used or is too old.");
    const of = operator
      ? { organization: session.organization.name, name: session.user.name, email: session.email }
      : { organization: "Elsewhere", name: "Mallory", email: "mallory@example.com" };
    return json(res, 200, { object: "signin_link", kind, operator, ...of });
  }
  if (route === "POST /api/session") {
    if (body.token !== "good" && body.token !== "stranger")
      return fail(res, 401, "This sign-in link has been used or is too old.");
    state.signedIn = true;
    return json(res, 200, session);
  }
  if (!state.signedIn) return fail(res, 401, "You are not signed in.");
  if (route === "DELETE /api/session") {
    state.signedIn = false;
    res.writeHead(204).end();
    return;
  }
  if (route === "POST /v1/tokenize") return tokenize(res, body);
  if (route === "POST /api/tokenizer/prices") return prices(res, body);
  if (route === "GET /api/session") return json(res, 200, session);
  if (route === "GET /api/models") return json(res, 200, { object: "list", data: state.models });
  if (route === "GET /api/chats") return listChats(res, url);
  if (route === "POST /api/chats") {
    const chat = { ...chatOf("", now()), model: body.model };
    state.chats.push(chat);
    return json(res, 200, bare(chat));
  }
  const [, , , chatId, , messageId] = url.pathname.split("/");
  const chat = state.chats.find((c) => c.id === chatId);
  if (!chat) return fail(res, 404, "No such chat.");
  if (messageId) {
    streams.get(messageId)?.();
    return json(
      res,
      200,
      chat.messages.find((m) => m.id === messageId),
    );
  }
  if (url.pathname.endsWith("/messages")) return postMessage(res, chat, body);
  if (req.method === "GET") return json(res, 200, chat);
  if (req.method === "PATCH") return json(res, 200, bare(Object.assign(chat, body)));
  state.chats = state.chats.filter((c) => c !== chat);
  return json(res, 200, { id: chat.id, object: "chat.deleted", deleted: true });
}

function listChats(res, url) {
  const query = (url.searchParams.get("query") ?? "").toLowerCase();
  const limit = Number(url.searchParams.get("limit") ?? 20);
  const all = state.chats
    .filter((c) => c.title.toLowerCase().includes(query))
    .sort((a, b) => b.updated_at - a.updated_at || (a.id < b.id ? 1 : -1));
  const after = all.findIndex((c) => c.id === url.searchParams.get("after")) + 1;
  const page = all.slice(after, after + limit).map(bare);
  json(res, 200, {
    object: "list",
    data: page,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: after + limit < all.length,
  });
}

async function postMessage(res, chat, body) {
  const asked = body.content?.map((p) => p.text).join("");
  if (asked?.includes("refuse")) {
    return fail(res, 429, "The engine is currently overloaded, please try again later");
  }
  res.writeHead(200, { "Content-Type": "text/event-stream" });
  let parent = chat.messages.find((m) => m.id === body.parent_id);
  if (asked !== undefined) {
    parent = addMessage(chat, body.parent_id, "user", { content: body.content });
    res.write(`event: message.created\ndata: ${JSON.stringify({ message: parent })}\n\n`);
  }
  chat.model = body.model;
  const served = state.models.find((m) => m.id === body.model)?.served_model ?? body.model;
  const rest = { state: "in_progress", model: body.model, served_model: served };
  const message = addMessage(chat, parent.id, "assistant", rest);
  res.write(`event: message.created\ndata: ${JSON.stringify({ message })}\n\n`);
  await answer(res, chat, message, asked ?? "");
}

async function file(res, name) {
  const body = await readFile(path.join(dist, name));
  const headers = { "Content-Type": types[path.extname(name)] ?? "application/octet-stream" };
  if (name === "index.html") {
    headers["Content-Security-Policy"] =
      "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-fake'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'";
  }
  res.writeHead(200, headers);
  res.end(name === "index.html" ? body.toString().replace("__CSP_NONCE__", "fake") : body);
}

reset();
const server = http.createServer((req, res) => {
  const url = new URL(req.url, `http://127.0.0.1:${port}`);
  const done = /^\/(api|v1)\//.test(url.pathname)
    ? api(req, res, url)
    : file(res, path.extname(url.pathname) ? url.pathname.slice(1) : "index.html");
  done.catch((error) => {
    if (!res.headersSent) res.writeHead(error.code === "ENOENT" ? 404 : 500);
    res.end();
  });
});
server.listen(port, "127.0.0.1", () => process.stdout.write(`fake API on http://127.0.0.1:${port}\n`));

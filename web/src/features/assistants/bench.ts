import { createStore } from "@/lib/store";
import { addMessage, cancelRun, createThread, readThread, stepsOf } from "./api";
import { apply, empty, isActive, type Live, put, textOf } from "./live";
import { stream } from "./stream";
import { remember } from "./threads";
import type { Attachment, Run, ToolChoice } from "./types";

/** What was asked here, for the program that does the same. */
export type Turn = {
  text: string;
  attachments: Attachment[];
  choice: ToolChoice;
  /** What somebody answered in place of functions, in their order. */
  outputs: { name: string; output: string }[];
};

type Bench = {
  assistant: string;
  project: string;
  thread: string | null;
  live: Live;
  /** Messages before those on show. */
  earlier: boolean;
  state: "idle" | "loading" | "running";
  error: unknown;
  turns: Turn[];
};

const fresh = (assistant: string, project: string): Bench => ({
  assistant,
  project,
  thread: null,
  live: empty,
  earlier: false,
  state: "idle",
  error: null,
  turns: [],
});

/** The playground of an assistant: its thread and the run on it. It goes on while other pages are on show. */
export const bench = createStore<Bench>(fresh("", ""));

/** Which thread is on show: what arrives for another one is dropped. */
let generation = 0;

/** Puts a thread on show, or none. */
export async function openThread(assistant: string, project: string, thread: string | null) {
  const now = bench.get();
  if (now.assistant === assistant && now.thread === thread && now.project === project) return;
  const mine = ++generation;
  bench.set({ ...fresh(assistant, project), thread, state: thread === null ? "idle" : "loading" });
  if (thread !== null) await load(mine, thread);
}

/** Reads the thread again. */
export async function reload() {
  const { thread } = bench.get();
  if (thread === null) return;
  const mine = ++generation;
  set(mine, { state: "loading", error: null });
  await load(mine, thread);
}

async function load(mine: number, thread: string) {
  try {
    const { earlier, ...live } = await readThread(thread);
    set(mine, { live, earlier, state: "idle" });
    const { assistant, project } = bench.get();
    const first = live.messages[0];
    if (mine === generation)
      remember({ id: thread, assistant, project, title: first ? title(textOf(first)) : "" });
  } catch (error) {
    set(mine, { error, state: "idle" });
  }
}

function set(mine: number, change: Partial<Bench>) {
  if (mine === generation) bench.set((now) => ({ ...now, ...change }));
}

function change(mine: number, f: (live: Live) => Live) {
  if (mine === generation) bench.set((now) => ({ ...now, live: f(now.live) }));
}

const title = (text: string) => text.trim().replace(/\s+/g, " ").slice(0, 80);

/** Adds a message and has the assistant answer. Resolves with whether the message was taken. */
export async function ask(turn: Omit<Turn, "outputs">): Promise<boolean> {
  const { assistant, project, thread: old, state } = bench.get();
  if (state !== "idle") return false;
  const mine = generation;
  set(mine, { state: "running", error: null });
  let taken = false;
  try {
    const thread = old ?? (await createThread()).id;
    set(mine, { thread });
    const message = await addMessage(thread, turn.text, turn.attachments);
    taken = true;
    remember({ id: thread, assistant, project, title: title(turn.text) });
    change(mine, (live) => ({ ...live, run: null, messages: put(live.messages, message) }));
    if (mine === generation)
      bench.set((now) => ({ ...now, turns: [...now.turns, { ...turn, outputs: [] }] }));
    const body = { assistant_id: assistant, tool_choice: turn.choice };
    await follow(mine, `/v1/threads/${thread}/runs`, body);
  } catch (error) {
    set(mine, { error });
  }
  set(mine, { state: "idle" });
  return taken;
}

/** Hands in what the functions returned that the run waits for. */
export async function answerCalls(run: Run, outputs: { id: string; name: string; output: string }[]) {
  if (bench.get().state !== "idle") return;
  const mine = generation;
  set(mine, { state: "running", error: null });
  try {
    const tool_outputs = outputs.map(({ id, output }) => ({ tool_call_id: id, output }));
    const path = `/v1/threads/${run.thread_id}/runs/${run.id}/submit_tool_outputs`;
    if (mine === generation) {
      bench.set((now) => ({
        ...now,
        turns: now.turns.map((turn, i) =>
          i === now.turns.length - 1
            ? {
                ...turn,
                outputs: [...turn.outputs, ...outputs.map(({ name, output }) => ({ name, output }))],
              }
            : turn,
        ),
      }));
    }
    await follow(mine, path, { tool_outputs });
  } catch (error) {
    set(mine, { error });
  }
  set(mine, { state: "idle" });
}

async function follow(mine: number, path: string, body: Record<string, unknown>) {
  await stream(path, body, (event, data) => change(mine, (live) => apply(live, event, data)));
  const { run } = bench.get().live;
  if (mine !== generation || run === null) return;
  // Events do not have the texts that a search found; the list has.
  const steps = await stepsOf(run.thread_id, run.id);
  change(mine, (live) => ({ ...live, steps: steps.reduce(put, live.steps) }));
}

/** Asks the server to end the run; its stream tells when it has. */
export async function cancel() {
  const mine = generation;
  const { run } = bench.get().live;
  if (run === null || !(isActive(run) || run.status === "requires_action")) return;
  try {
    const after = await cancelRun(run);
    change(mine, (live) => (live.run?.id === run.id && isActive(live.run) ? { ...live, run: after } : live));
    // Nobody streams a run that waits for outputs, or that was under way when the thread was opened.
    if (bench.get().state === "idle") await reload();
  } catch (error) {
    set(mine, { error });
  }
}

/** What keeps a message from being sent: the run on the thread. */
export function isBusy({ state, live }: Pick<Bench, "state" | "live">): boolean {
  return state !== "idle" || isActive(live.run) || live.run?.status === "requires_action";
}

import type { Call, Message, Part, Run, Step } from "./types";

/** A thread as far as it is known: the oldest first. */
export type Live = { messages: Message[]; steps: Step[]; run: Run | null };

export const empty: Live = { messages: [], steps: [], run: null };

type PartDelta = {
  index: number;
  type: Part["type"];
  text?: { value?: string; annotations?: ({ index: number } & Annotation)[] };
  image_file?: { file_id: string };
};
export type Annotation = NonNullable<Part["text"]>["annotations"][number];
type CallDelta = {
  index: number;
  id?: string;
  type: Call["type"];
  code_interpreter?: {
    input?: string;
    outputs?: { index: number; type: "logs" | "image"; logs?: string; image?: { file_id: string } }[];
  };
  file_search?: Call["file_search"];
  function?: { name?: string; arguments?: string };
};
export type MessageDelta = { id: string; delta: { content?: PartDelta[] } };
export type StepDelta = { id: string; delta: { step_details?: { tool_calls?: CallDelta[] } } };

/** The thread after an event of a run's stream. Events that it does not know change nothing. */
export function apply(live: Live, event: string, data: unknown): Live {
  if (event === "thread.message.delta") {
    const { id, delta } = data as MessageDelta;
    const messages = live.messages.map((m) =>
      m.id === id ? { ...m, content: (delta.content ?? []).reduce(addPart, m.content) } : m,
    );
    return { ...live, messages };
  }
  if (event === "thread.run.step.delta") {
    const { id, delta } = data as StepDelta;
    const steps = live.steps.map((s) =>
      s.id === id ? withCalls(s, delta.step_details?.tool_calls ?? []) : s,
    );
    return { ...live, steps };
  }
  if (event.startsWith("thread.message.")) return { ...live, messages: put(live.messages, data as Message) };
  if (event.startsWith("thread.run.step.")) return { ...live, steps: put(live.steps, data as Step) };
  if (event.startsWith("thread.run.")) return { ...live, run: data as Run };
  return live;
}

/** The list with the object, in its place or at the end. */
export function put<T extends { id: string }>(all: T[], one: T): T[] {
  return all.some((other) => other.id === one.id)
    ? all.map((other) => (other.id === one.id ? one : other))
    : [...all, one];
}

function addPart(content: Part[], delta: PartDelta): Part[] {
  const all = [...content];
  const old = all[delta.index];
  if (delta.image_file) {
    all[delta.index] = { type: "image_file", image_file: delta.image_file };
    return all;
  }
  const annotations = [...(old?.text?.annotations ?? [])];
  for (const { index, ...annotation } of delta.text?.annotations ?? []) annotations[index] = annotation;
  all[delta.index] = {
    type: "text",
    text: { value: (old?.text?.value ?? "") + (delta.text?.value ?? ""), annotations },
  };
  return all;
}

function withCalls(step: Step, deltas: CallDelta[]): Step {
  const calls = [...(step.step_details.tool_calls ?? [])];
  for (const delta of deltas) calls[delta.index] = joined(calls[delta.index], delta);
  return { ...step, step_details: { ...step.step_details, tool_calls: calls } };
}

function joined(call: Call | undefined, delta: CallDelta): Call {
  const next: Call = { ...call, id: call?.id ?? delta.id ?? "", type: delta.type };
  if (delta.code_interpreter) {
    const outputs = [...(call?.code_interpreter?.outputs ?? [])];
    for (const { index, type, logs, image } of delta.code_interpreter.outputs ?? []) {
      outputs[index] =
        type === "image" && image
          ? { type, image }
          : { type: "logs", logs: (outputs[index]?.logs ?? "") + (logs ?? "") };
    }
    const input = (call?.code_interpreter?.input ?? "") + (delta.code_interpreter.input ?? "");
    next.code_interpreter = { input, outputs };
  }
  if (delta.file_search) next.file_search = delta.file_search;
  if (delta.function) {
    next.function = {
      name: (call?.function?.name ?? "") + (delta.function.name ?? ""),
      arguments: (call?.function?.arguments ?? "") + (delta.function.arguments ?? ""),
      output: call?.function?.output ?? null,
    };
  }
  return next;
}

/** What stands in the thread, one below the other. */
export type Entry =
  | { kind: "message"; id: string; message: Message; step: Step | null }
  | { kind: "step"; id: string; step: Step };

/** Messages with the steps of the runs that wrote them in between, in the order of the steps. */
export function timeline({ messages, steps }: Pick<Live, "messages" | "steps">): Entry[] {
  const runs = new Map<string, Step[]>();
  for (const step of steps) runs.set(step.run_id, [...(runs.get(step.run_id) ?? []), step]);
  const byId = new Map(messages.map((message) => [message.id, message]));
  const shown = new Set<string>();
  const entries: Entry[] = [];

  function addRun(id: string, all: Step[]) {
    runs.delete(id);
    for (const step of all) {
      const made = step.step_details.message_creation?.message_id;
      const message = made === undefined ? undefined : byId.get(made);
      if (message) {
        entries.push({ kind: "message", id: message.id, message, step });
        shown.add(message.id);
      } else if (step.type === "tool_calls") entries.push({ kind: "step", id: step.id, step });
    }
  }
  for (const message of messages) {
    // Times are whole seconds: a question never stands below the run that answers it.
    for (const [id, all] of [...runs])
      if (message.role === "user" && (all[0]?.created_at ?? 0) < message.created_at) addRun(id, all);
    const run = message.run_id === null ? undefined : runs.get(message.run_id);
    if (message.run_id !== null && run) addRun(message.run_id, run);
    if (!shown.has(message.id)) entries.push({ kind: "message", id: message.id, message, step: null });
  }
  for (const [id, all] of runs) addRun(id, all);
  return entries;
}

/** A text with its annotations taken out: markers of footnotes in their place, links to files that were made. */
export function footnoted(
  value: string,
  annotations: readonly Annotation[],
): { text: string; notes: Annotation[] } {
  // Places are counted in characters as Python counts them.
  const characters = Array.from(value);
  const notes: Annotation[] = [];
  let text = "";
  let at = 0;
  for (const annotation of annotations.filter(Boolean).toSorted((a, b) => a.start_index - b.start_index)) {
    const { type, start_index: start, end_index: end } = annotation;
    if (start < at || end > characters.length) continue;
    text += characters.slice(at, start).join("");
    if (type === "file_path") text += `/console/files/${annotation.file_path?.file_id ?? ""}`;
    else text += `[${notes.push(annotation)}]`;
    at = end;
  }
  return { text: text + characters.slice(at).join(""), notes };
}

export function textOf(message: Message): string {
  return message.content.map((part) => part.text?.value ?? "").join("\n");
}

/** Whether a run still goes on, without waiting for anybody. */
export function isActive(run: Run | null): boolean {
  return run !== null && ["queued", "in_progress", "cancelling"].includes(run.status);
}

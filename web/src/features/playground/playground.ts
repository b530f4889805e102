import i18next from "i18next";
import { ApiError } from "@/api/errors";
import { setDraft } from "@/lib/drafts";
import { createStore } from "@/lib/store";
import { ui } from "@/lib/ui";
import { type Answer, type Choice, nothing } from "./answer";
import { follow, type Mark } from "./marks";
import { around, insertMark, type Problem, type Request, requestOf, spoken } from "./request";
import { type Facts, type Progress, run as ask } from "./run";
import { type Mode, newSetup, type Params, readSetup, type Setup, type Turn, turn } from "./setup";

/** One request and what came of it. `choice` is the answer on show, of the `n` that were asked for. */
export type Run = {
  mode: Mode;
  state: "running" | "done" | "stopped" | "failed";
  request: Request;
  answer: Answer;
  facts: Facts;
  error: unknown;
  choice: number;
};

/** The preset that was opened or saved last, with its settings as they were then. */
export type Opened = { id: string; name: string; own: boolean; shared: boolean; settings: string };

type State = {
  /** Whose it is; another user at this machine begins anew. */
  user: string | null;
  setup: Setup;
  preset: Opened | null;
  run: Run | null;
  /** What the model wrote last into the text of the mode Complete. */
  mark: Mark | null;
  /** Problems are shown once somebody tried to send. */
  tried: boolean;
};

const fresh = (user: string | null): State => ({
  user,
  setup: newSetup(),
  preset: null,
  run: null,
  mark: null,
  tried: false,
});

export const playground = createStore<State>(fresh(null));

const draftId = "playground";
let saving: ReturnType<typeof setTimeout> | undefined;

function set(change: Partial<State> | ((state: State) => Partial<State>)) {
  const before = playground.get().setup;
  playground.set((state) => ({ ...state, ...(typeof change === "function" ? change(state) : change) }));
  if (playground.get().setup === before) return;
  clearTimeout(saving);
  saving = setTimeout(() => setDraft(draftId, JSON.stringify(playground.get().setup)), 400);
}

/** What this user had here before a reload comes back. */
export function enter(user: string) {
  if (playground.get().user === user) return;
  controller?.abort();
  clearTimeout(saving);
  const draft = ui.get().drafts[draftId];
  playground.set({ ...fresh(user), setup: draft === undefined ? newSetup() : parseSetup(draft) });
}

export function parseSetup(json: string): Setup {
  try {
    return readSetup(JSON.parse(json));
  } catch {
    return newSetup();
  }
}

export function change(part: Partial<Setup>) {
  set(({ setup }) => ({ setup: { ...setup, ...part } }));
}

export function changeParams(part: Partial<Params>) {
  set(({ setup }) => ({ setup: { ...setup, params: { ...setup.params, ...part } } }));
}

export function changeTurn(key: string, part: Partial<Turn>) {
  set(({ setup }) => ({
    setup: { ...setup, turns: setup.turns.map((one) => (one.key === key ? { ...one, ...part } : one)) },
  }));
}

export function changeText(text: string) {
  set(({ setup, mark }) => ({ setup: { ...setup, text }, mark: follow(mark, setup.text, text) }));
}

export function setMode(mode: Mode) {
  if (playground.get().setup.mode === mode) return;
  stop();
  set(({ setup }) => ({ setup: { ...setup, mode }, run: null, mark: null, tried: false }));
}

/** Empties the texts of all modes; models and parameters stay. */
export function clear() {
  stop();
  set(({ setup }) => {
    const { system, turns, text, input, instruction } = newSetup();
    return {
      setup: { ...setup, system, turns, text, input, instruction },
      run: null,
      mark: null,
      tried: false,
    };
  });
}

export function open(preset: Omit<Opened, "settings">, settings: unknown) {
  stop();
  const setup = readSetup(settings);
  set({ setup, preset: { ...preset, settings: settingsOf(setup) }, run: null, mark: null, tried: false });
}

export function forget() {
  set({ preset: null });
}

/** Notes that the setup is now what the preset has. */
export function saved(preset: Omit<Opened, "settings">) {
  set(({ setup }) => ({ preset: { ...preset, settings: settingsOf(setup) } }));
}

/** What is kept of a setup: all but what only this page needs. */
export function settingsOf(setup: Setup): string {
  return JSON.stringify({ ...setup, turns: setup.turns.map((one) => ({ ...one, key: undefined })) });
}

let controller: AbortController | null = null;
/** Where the running answer is written; null while none runs. */
let target: { turn: string } | { before: string; after: string } | null = null;

export function isRunning(): boolean {
  return playground.get().run?.state === "running";
}

export function stop() {
  controller?.abort();
}

/** Sends what stands there. False: something has to be mended first, and is now said beside its field. */
export function submit(): boolean {
  if (isRunning()) return false;
  const { setup } = playground.get();
  const problems = problemsOf(setup);
  if (problems.length > 0) {
    set({ tried: true });
    return false;
  }
  const { request } = requestOf(setup);
  if (setup.mode === "chat") {
    const answer = turn("assistant");
    target = { turn: answer.key };
    change({ turns: [...spoken(setup.turns), answer] });
  } else if (setup.mode === "complete") {
    const parts = around(setup.text);
    target = parts ?? { before: setup.text + setup.params.startText, after: "" };
  } else {
    target = null;
  }
  const begun: Run = {
    mode: setup.mode,
    state: "running",
    request,
    answer: nothing,
    facts: { requestId: null, first: null, total: null },
    error: null,
    choice: 0,
  };
  set({ run: begun, tried: false, mark: null });
  void follow_(request);
  return true;
}

export function problemsOf(setup: Setup): Problem[] {
  const { problems, request } = requestOf(setup);
  if (request.body.model === "") return [...problems, { field: "text", key: "playground.problems.model" }];
  return problems;
}

const frame = 40; // milliseconds between two pictures of a growing answer

async function follow_(request: Request) {
  const own = new AbortController();
  controller = own;
  let latest: Progress | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    timer = undefined;
    if (latest) show(latest);
  };
  let end: Pick<Run, "state" | "error">;
  try {
    await ask(request, own.signal, (progress) => {
      latest = progress;
      timer ??= setTimeout(draw, frame);
    });
    end = { state: "done", error: null };
  } catch (error) {
    end = own.signal.aborted ? { state: "stopped", error: null } : { state: "failed", error };
  }
  clearTimeout(timer);
  if (controller !== own) return;
  controller = null;
  draw();
  set(({ run }) => ({ run: run && { ...run, ...end } }));
  finish(end.state);
}

/** Shows the answer as far as it is here, and writes it where it belongs. */
function show({ answer, facts }: Progress) {
  set(({ run }) => ({ run: run && { ...run, answer, facts } }));
  const chosen = answer.choices[playground.get().run?.choice ?? 0];
  if (chosen) write(chosen);
}

function write(choice: Choice) {
  if (!target) return;
  if ("turn" in target) {
    changeTurn(target.turn, spokenBy(choice));
    return;
  }
  const { before, after } = target;
  const { request } = playground.get().run ?? {};
  const prompt = typeof request?.body.prompt === "string" ? request.body.prompt : "";
  const own =
    request?.body.echo === true && choice.text.startsWith(prompt)
      ? choice.text.slice(prompt.length)
      : choice.text;
  const mark = own === "" ? null : { start: before.length, end: before.length + own.length };
  set(({ setup }) => ({ setup: { ...setup, text: before + own + after }, mark }));
}

function spokenBy({ text, toolCalls, functionCall }: Choice): Partial<Turn> {
  return {
    content: text,
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(functionCall && { functionCall }),
  };
}

/** Makes room for what comes next: the results of calls, or the next question. */
function finish(state: Run["state"]) {
  const { run, setup } = playground.get();
  if (!run || !target) return;
  const choice = run.answer.choices[run.choice];
  if ("turn" in target) {
    const key = target.turn;
    const said =
      choice !== undefined && (choice.text !== "" || choice.toolCalls.length > 0 || choice.functionCall);
    const turns = said ? setup.turns : setup.turns.filter((one) => one.key !== key);
    change({ turns: [...turns, ...(state === "done" && said ? following(choice) : [])] });
    if (!said && turns.length === 0) change({ turns: [turn("user")] });
    return;
  }
  if (state === "failed" && !choice?.text) return;
  const { restartText } = setup.params;
  if (state === "done" && target.after === "" && around(setup.text) === null && restartText !== "")
    change({ text: setup.text + restartText });
}

function following({ toolCalls, functionCall }: Choice): Turn[] {
  if (functionCall) return [{ ...turn("function"), name: functionCall.name }];
  if (toolCalls.length > 0) return toolCalls.map((call) => ({ ...turn("tool"), toolCallId: call.id }));
  return [turn("user")];
}

/** Takes another of the answers into the conversation or the text. */
export function choose(choice: number) {
  const { run, setup, mark } = playground.get();
  const chosen = run?.answer.choices[choice];
  if (!run || !chosen) return;
  if (run.state !== "running" && target && "before" in target && mark) {
    // Somebody may have written around it since.
    target = { before: setup.text.slice(0, mark.start), after: setup.text.slice(mark.end) };
  }
  set({ run: { ...run, choice } });
  if (run.state !== "running" && target && "turn" in target) {
    const key = target.turn;
    changeTurn(key, { toolCalls: [], ...spokenBy(chosen) });
    return;
  }
  write(chosen);
}

/** Whether there is an answer that could be asked for again. */
export function canRegenerate(): boolean {
  const { run, setup, mark } = playground.get();
  if (!run || run.state === "running" || run.mode !== setup.mode) return false;
  if (setup.mode === "chat") return answered(setup.turns) !== null;
  return setup.mode === "edit" || mark !== null;
}

/** The conversation before its last answer; null when it does not end with one. */
function answered(turns: readonly Turn[]): Turn[] | null {
  let end = turns.length;
  while (end > 0 && turns[end - 1]?.role !== "assistant" && turns[end - 1]?.content === "") end--;
  return end > 0 && turns[end - 1]?.role === "assistant" ? turns.slice(0, end - 1) : null;
}

/** Takes the last answer back and asks again. */
export function regenerate() {
  if (!canRegenerate()) return;
  const { setup, mark } = playground.get();
  if (setup.mode === "chat") change({ turns: answered(setup.turns) ?? setup.turns });
  if (setup.mode === "complete" && mark) {
    const { startText, restartText } = setup.params;
    let before = setup.text.slice(0, mark.start);
    let after = setup.text.slice(mark.end);
    if (startText !== "" && before.endsWith(startText)) before = before.slice(0, -startText.length);
    if (restartText !== "" && after === restartText) after = "";
    set({ setup: { ...setup, text: after === "" ? before : before + insertMark + after }, mark: null });
  }
  submit();
}

/** What an error says, as the API has it. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) {
    const kind = [String(error.status), error.code].filter((part) => part !== null).join(" · ");
    return `${error.message} (${kind})`;
  }
  return i18next.t("console.error.unreachable");
}

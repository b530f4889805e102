import { readEvents } from "@/lib/sse";
import { createStore, type Store } from "@/lib/store";
import { type ChatEvent, decodeEvent } from "./events";
import { type ChatState, reduce } from "./reducer";

export type Ask = {
  chatId: string;
  parentId: string | null;
  /** The user's words; null asks again for an answer to the user message parentId. */
  text: string | null;
  model: string;
};

/** One answer on its way in this window. */
export type Run = Ask & {
  /** "sending" until the server has taken the message, then "streaming". */
  phase: "sending" | "streaming";
  assistantId: string | null;
  stopping: boolean;
};

/** What was asked and not taken by the server: the words are still the user's. */
export type Refusal = { ask: Ask; error: unknown };

export type RunsState = {
  active: Readonly<Record<string, Run>>;
  refused: Readonly<Record<string, Refusal>>;
};

export type Dependencies = {
  /** POSTs the message; rejects when the server refuses it or cannot be reached. */
  post: (ask: Ask, signal: AbortSignal) => Promise<Response>;
  stop: (chatId: string, messageId: string) => Promise<void>;
  /** Changes the page's copy of the chat. */
  update: (chatId: string, change: (state: ChatState) => ChatState) => void;
  /** Called when the server has taken the message: the chat has its place in the list, and a title. */
  taken: (chatId: string) => void;
  /** Called when a run has ended; complete is false when the stream broke and the server must be asked. */
  ended: (chatId: string, complete: boolean) => void;
  /** Calls back soon, at most once for each screen frame: a fast model brings many tokens in one. */
  schedule: (flush: () => void) => void;
};

export type Runs = {
  store: Store<RunsState>;
  start: (ask: Ask) => Promise<void>;
  stop: (chatId: string) => Promise<void>;
  forgive: (chatId: string) => void;
  isActive: (chatId: string) => boolean;
};

/** Runs answers, at most one for each chat. Knows nothing of React. */
export function createRuns(deps: Dependencies): Runs {
  const store = createStore<RunsState>({ active: {}, refused: {} });
  const aborts = new Map<string, AbortController>();

  function patch(chatId: string, change: Partial<Run>) {
    store.set((state) => {
      const run = state.active[chatId];
      return run ? { ...state, active: { ...state.active, [chatId]: { ...run, ...change } } } : state;
    });
  }

  function forgive(chatId: string) {
    store.set((state) => ({ ...state, refused: without(state.refused, chatId) }));
  }

  async function follow(chatId: string, response: Response): Promise<boolean> {
    const apply = batcher(deps, chatId);
    if (!response.body) return false;
    try {
      for await (const raw of readEvents(response.body)) {
        const event = decodeEvent(raw);
        if (!event) continue;
        if (event.type === "done") return true;
        // The chat was deleted meanwhile, or the server failed: nothing follows, and the server knows more.
        if (event.type === "error") return false;
        apply.add(event);
        if (event.type === "message.created" && event.message.role === "assistant") {
          apply.flush();
          patch(chatId, { phase: "streaming", assistantId: event.message.id });
          deps.taken(chatId);
        }
      }
      return false;
    } finally {
      apply.flush();
    }
  }

  return {
    store,
    forgive,
    isActive: (chatId) => chatId in store.get().active,

    async start(ask) {
      const { chatId } = ask;
      if (chatId in store.get().active) return;
      const abort = new AbortController();
      aborts.set(chatId, abort);
      const run: Run = { ...ask, phase: "sending", assistantId: null, stopping: false };
      store.set((state) => ({
        active: { ...state.active, [chatId]: run },
        refused: without(state.refused, chatId),
      }));
      let refusal: Refusal | null = null;
      let complete = false;
      try {
        const response = await deps.post(ask, abort.signal).catch((error: unknown) => {
          if (!abort.signal.aborted) refusal = { ask, error };
          return null;
        });
        // A break while reading is no refusal: the server has the message and says how it ended.
        if (response) complete = await follow(chatId, response).catch(() => false);
      } finally {
        aborts.delete(chatId);
        store.set((state) => ({
          active: without(state.active, chatId),
          refused: refusal ? { ...state.refused, [chatId]: refusal } : state.refused,
        }));
        deps.ended(chatId, complete);
      }
    },

    async stop(chatId) {
      const run = store.get().active[chatId];
      if (!run || run.stopping) return;
      patch(chatId, { stopping: true });
      // Before there is an answer to name, leaving is the way to stop; so it is when asking to stop fails.
      if (run.assistantId === null) aborts.get(chatId)?.abort();
      else await deps.stop(chatId, run.assistantId).catch(() => aborts.get(chatId)?.abort());
    },
  };
}

/** Collects events and applies them together: one render for each frame, however fast tokens come. */
function batcher(deps: Dependencies, chatId: string) {
  let waiting: ChatEvent[] = [];
  function flush() {
    const events = waiting;
    if (events.length === 0) return;
    waiting = [];
    deps.update(chatId, (state) => events.reduce(reduce, state));
  }
  return {
    flush,
    add(event: ChatEvent) {
      waiting.push(event);
      if (waiting.length === 1) deps.schedule(flush);
    },
  };
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  if (!(key in record)) return record;
  return Object.fromEntries(Object.entries(record).filter(([k]) => k !== key));
}

import type { QueryClient } from "@tanstack/react-query";
import { createStore } from "@/lib/store";
import { filesKey, maxBytes, sendFile, type UploadPurpose } from "./api";

/** A file on its way to the server. Uploads go on while other pages are on show. */
export type Upload = {
  id: number;
  name: string;
  size: number;
  purpose: UploadPurpose;
  sent: number;
  state: "waiting" | "sending" | "checking" | "done" | "failed";
  /** Why it failed, in the server's words; null: it did not answer. */
  error: string | null;
  /** The file that it has become. */
  file: string | null;
};

export const uploads = createStore<readonly Upload[]>([]);

/** How many are sent at once: more would only share the same line. */
const atOnce = 2;

const bodies = new Map<number, File>();
const cancels = new Map<number, () => void>();
let next = 1;

/** Takes files into the queue; what is too large fails at once, before anything is sent. */
export function addUploads(files: readonly File[], purpose: UploadPurpose, client: QueryClient) {
  const added = files.map((file): Upload => {
    const id = next++;
    bodies.set(id, file);
    const tooLarge = file.size > maxBytes;
    return {
      id,
      name: file.name,
      size: file.size,
      purpose,
      sent: 0,
      state: tooLarge ? "failed" : "waiting",
      error: tooLarge ? "too_large" : null,
      file: null,
    };
  });
  uploads.set((all) => [...added, ...all]);
  work(client);
}

function change(id: number, next: Partial<Upload>) {
  uploads.set((all) => all.map((upload) => (upload.id === id ? { ...upload, ...next } : upload)));
}

/** Begins what may begin. */
function work(client: QueryClient) {
  const all = uploads.get();
  const running = all.filter(({ state }) => state === "sending" || state === "checking").length;
  for (const upload of all
    .filter(({ state }) => state === "waiting")
    .reverse()
    .slice(0, Math.max(0, atOnce - running))) {
    const body = bodies.get(upload.id);
    if (body === undefined) continue;
    const end = (result: Partial<Upload>) => {
      cancels.delete(upload.id);
      change(upload.id, result);
      work(client);
    };
    change(upload.id, { state: "sending" });
    cancels.set(
      upload.id,
      sendFile(body, upload.purpose, {
        progress: (sent) => change(upload.id, { sent, state: sent >= upload.size ? "checking" : "sending" }),
        done: (file) => {
          bodies.delete(upload.id);
          end({ state: "done", sent: upload.size, file: file.id });
          void client.invalidateQueries({ queryKey: filesKey });
        },
        failed: (error) => end({ state: "failed", error }),
      }),
    );
  }
}

/** Stops an upload, of which nothing stays on the server, or takes an ended one off the list. */
export function dropUpload(id: number, client: QueryClient) {
  cancels.get(id)?.();
  cancels.delete(id);
  bodies.delete(id);
  uploads.set((all) => all.filter((upload) => upload.id !== id));
  work(client);
}

/** Sends a failed one again. */
export function retryUpload(id: number, client: QueryClient) {
  change(id, { state: "waiting", sent: 0, error: null });
  work(client);
}

/** Takes those that have arrived off the list. */
export function clearDone() {
  uploads.set((all) => all.filter(({ state }) => state !== "done"));
}

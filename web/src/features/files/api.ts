import { queryOptions } from "@tanstack/react-query";
import { actingHeaders } from "@/api/acting";
import { api, data, download } from "@/api/client";
import type { File as StoredFile } from "@/api/types";

export const filesKey = ["files"] as const;

/** What people can upload a file for, in the order of the form; the others are made by the server. */
export const uploadPurposes = ["assistants", "user_data", "vision", "fine-tune", "batch", "evals"] as const;
export type UploadPurpose = (typeof uploadPurposes)[number];

/** Every purpose that a file can have. */
export const purposes = [
  ...uploadPurposes,
  "assistants_output",
  "batch_output",
  "fine-tune-results",
] as const;

/** The largest file of one upload, in bytes. */
export const maxBytes = 512 * 1024 * 1024;

/** The most pages of 10,000 files that are read for one table. */
const maxPages = 10;

/** The project's files. */
export const filesQuery = queryOptions({
  queryKey: [...filesKey, "list"],
  queryFn: async () => {
    const all: StoredFile[] = [];
    for (let i = 0; i < maxPages; i++) {
      const after = all.at(-1)?.id;
      const page = await data(
        api.GET("/v1/files", { params: { query: { limit: 10_000, ...(after !== undefined && { after }) } } }),
      );
      all.push(...page.data);
      if (!page.has_more) break;
    }
    return all;
  },
});

export const fileQuery = (id: string) =>
  queryOptions({
    queryKey: [...filesKey, "file", id],
    queryFn: () => data(api.GET("/v1/files/{file_id}", { params: { path: { file_id: id } } })),
  });

/** How much the organization stores, and may store. */
export const storageQuery = queryOptions({
  queryKey: [...filesKey, "storage"],
  queryFn: () => data(api.GET("/api/files/storage")),
});

export async function deleteFile(id: string): Promise<void> {
  await api.DELETE("/v1/files/{file_id}", { params: { path: { file_id: id } } });
}

export function downloadFile(file: StoredFile): Promise<void> {
  return download(`/v1/files/${encodeURIComponent(file.id)}/content`, file.filename);
}

/** What a running upload tells. */
type Watch = {
  /** Bytes that have left, of all that are to be sent. */
  progress: (sent: number) => void;
  done: (file: StoredFile) => void;
  /** The server's words; null when it did not answer. */
  failed: (message: string | null) => void;
};

/** Sends a file. fetch tells nothing about what has been sent: this is XMLHttpRequest. Returns what cancels it. */
export function sendFile(file: File, purpose: UploadPurpose, watch: Watch): () => void {
  const request = new XMLHttpRequest();
  request.open("POST", "/v1/files");
  for (const [header, value] of Object.entries(actingHeaders())) request.setRequestHeader(header, value);
  request.upload.onprogress = (event) => watch.progress(Math.min(event.loaded, file.size));
  request.onerror = () => watch.failed(null);
  request.onload = () => {
    const body = parse(request.responseText);
    if (request.status === 200 && body !== null) watch.done(body as StoredFile);
    else
      watch.failed((body as { error?: { message?: string } } | null)?.error?.message ?? `${request.status}`);
  };
  const form = new FormData();
  form.set("purpose", purpose);
  form.set("file", file);
  request.send(form);
  return () => request.abort();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

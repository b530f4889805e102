/** Part of the app's code did not come, and the server does not answer either. */
export class ChunkMissing extends Error {
  override name = "ChunkMissing";
  constructor(options?: ErrorOptions) {
    super("This page could not be fetched: Parley does not answer", options);
  }
}

/** Before each further try, in milliseconds. */
const pauses = [250, 750];

/** Whether the server answers at all, whatever it says. */
export async function answers(): Promise<boolean> {
  try {
    await fetch("/api/signin", { cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Fetches part of the app's code, and tries again for a moment. While the server is away that ends in ChunkMissing, which
 * the page can show; when it answers but has no such file, as after an upgrade, in the browser's own error, for which the
 * router loads the page anew.
 */
export async function chunk<T>(load: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await load();
    } catch {
      await new Promise((done) => setTimeout(done, pause));
    }
  }
  try {
    return await load();
  } catch (error) {
    if (await answers()) throw error;
    throw new ChunkMissing({ cause: error });
  }
}

/**
 * Where to go after signing in, if it is a page of this app: a link that was made elsewhere must not lead there by way of our
 * sign-in page. The browser itself says what it would take the address for ("//evil", "/\evil", a tab in between).
 */
export function safeNext(next: unknown): string | undefined {
  if (typeof next !== "string" || !next.startsWith("/")) return undefined;
  const here = window.location.origin;
  let url: URL;
  try {
    url = new URL(next, here);
  } catch {
    return undefined;
  }
  if (url.origin !== here || url.pathname.startsWith("//")) return undefined;
  // The sign-in page itself is no place to come back to, and paths of the API are no pages.
  if (/^\/(signin|api|v1)(\/|$)/.test(url.pathname)) return undefined;
  return url.pathname + url.search + url.hash;
}

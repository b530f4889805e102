// A link whose account has a second factor waits here for the code: in memory, for it must not stay in the address.
let token: string | null = null;

export function keepWaiting(link: string) {
  token = link;
}

/** The token that waits, once. */
export function takeWaiting(): string | null {
  const taken = token;
  token = null;
  return taken;
}

// A link waits here for the code of a second factor, or for a yes: in memory, for it must not stay in the address.
let token: string | null = null;

export function keepWaiting(link: string) {
  token = link;
}

/** The token that waits, which goes on waiting. */
export function seeWaiting(): string | null {
  return token;
}

/** The token that waits, once. */
export function takeWaiting(): string | null {
  const taken = token;
  token = null;
  return taken;
}

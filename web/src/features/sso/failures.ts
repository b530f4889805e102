/** Why a sign-in through the provider failed, as the server's redirect says; there is a text for each. */
export const failures = [
  "sso_denied",
  "sso_state",
  "sso_token",
  "sso_email",
  "sso_domain",
  "sso_not_invited",
  "sso_unavailable",
  "sso_not_configured",
  "sso_taken",
  "sso_too_many",
] as const;

export type Failure = (typeof failures)[number];

export function isFailure(code: unknown): code is Failure {
  return failures.some((known) => known === code);
}

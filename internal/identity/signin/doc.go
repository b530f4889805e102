// Package signin is how people prove who they are: by a one-time link, by e-mail address and password, and by a second factor on
// top of either. What a session then may is package identity's.
//
// Tables (0100_signin.sql): passwords, second_factors, recovery_codes, signin_attempts.
//
// Routes: POST /api/session, /api/session/link and /api/session/reset (http.go); /api/account, its password, second factor, recovery codes and
// sessions, and the organization's /api/organization/signin (http_account.go); the operator's PUT /admin/users/{user_id}/password
// and DELETE /admin/users/{user_id}/second-factor, on the admin socket alone.
//
// Invariants:
//
//   - Passwords and recovery codes are stored as argon2id with a salt of their own; seeds of second factors are sealed with a
//     key that is not in the database (package secrets). None of them is in a log, in the audit log, or in an answer but the one that made it.
//   - Who is unknown gets the same answer as who gives a wrong password, after the same work: a hash is computed and the same rows are written.
//   - Every try is counted before it is looked at, so that many at once are no way round the delays (attempts.go). The counts lie in the
//     database: all its servers share them, and a restart forgets none. They go an hour after the last failure.
//   - A session never keeps the secret that the browser came with: signing in makes a new one, a new password or second factor renews it.
//   - A link stands for the password, never for the second factor.
//   - A new password ends the user's other sessions; so does a second factor that was set up, removed or reset.
//   - Each time step's code is accepted once, and each recovery code.
//   - One's own account is changed in a browser session alone, never with an API key; what decides who can sign in wants the password
//     again, or a session that a link or a provider began less than FreshFor ago; who has no password needs such a session.
package signin

// Package identity knows who acts: organizations, projects, users, API keys, browser sessions and the
// one-time links that begin them.
//
// Tables: organizations, projects, users, api_keys, sessions, signin_links (0010_identity.sql).
//
// Routes (http.go): POST, GET and DELETE /api/session; GET and POST /api/keys, DELETE /api/keys/{key}.
// The Service is also httpapi's Authenticator: an API key as bearer token, as the password or the user
// of HTTP basic, or the session cookie.
//
// Invariants:
//
//   - Secrets are shown once, stored as SHA-256, and never logged.
//   - The first start makes one organization, one project and one owner; two servers that start
//     together make them once.
//   - A key or a session that was seen within the last second is answered from memory (about a
//     microsecond, no query); older ones are looked up again. So what another server revoked stops
//     within a second, and what this one revoked stops at once.
//   - A database that does not answer is 503, never a 401 that would make people throw a good key away.
//   - last_used_at and a session's expiry are written in batches by a goroutine, not by requests.
//   - A key never holds more scopes than who made it. Keys of another project do not exist for the actor.
package identity

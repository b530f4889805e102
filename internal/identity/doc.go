// Package identity knows who acts: organizations, projects, users and their memberships, service accounts,
// invitations, API keys, browser sessions and the one-time links that begin them.
//
// Tables: organizations, projects (0010_identity.sql); users, memberships, project_members,
// service_accounts, api_keys, sessions, signin_links, invites (0041_organization.sql).
//
// Routes: GET and DELETE /api/session, GET and POST /api/keys, DELETE /api/keys/{key} (http.go), GET and POST /api/keys/{key}
// (http_keys.go), GET /api/memberships (http_memberships.go);
// OpenAI's /v1/organization/projects, users, invites and admin_api_keys, DELETE /api/membership
// (http_organization.go); on the admin socket /admin/organizations and sign-in links (http_admin.go).
// The Service is also httpapi's Authenticator: an API key as bearer token, as the password or the user
// of HTTP basic, or the session cookie.
//
// How people sign in is package signin's, below this one, and single sign-on is package sso's; sessions are made here.
//
// Invariants:
//
//   - A session's secret is always one that was made here: a browser's own is never taken, and one that may more gets a new one.
//   - Where an organization requires a second factor, a session that showed none may look after its own account alone.
//   - Secrets are shown once, stored as SHA-256, and never logged.
//   - The first start makes one organization, one project and one owner; two servers that start
//     together make them once.
//   - A key or a session that was seen within the last second is answered from memory (about a
//     microsecond, no query); older ones are looked up again. So what another server revoked stops
//     within a second, and what this one revoked stops at once.
//   - A database that does not answer is 503, never a 401 that would make people throw a good key away.
//   - last_used_at and a session's expiry are written in batches by a goroutine, not by requests.
//   - A key may what its scopes say and its user's role allows at that moment. It stops when its user leaves
//     the organization or the project, when its project is archived, and when it expires.
//   - Who manages a project sees all of its keys, others their own. What belongs to another organization or
//     project does not exist for the actor.
//   - An organization keeps at least one owner, and everybody at least one project. Only owners make and
//     remove owners.
//   - An invitation makes a new user, or adds an organization to the one who is signed in: it is no way into
//     an account that exists.
//   - What changes something writes its line of the audit log in the same transaction.
package identity

// Package limits admits requests or refuses them: requests and tokens per minute and per day, of an
// organization, a project, a member, an API key or an end user (the `user` of requests), for each model and
// class of routes. Everything is allowed until the configuration or a rule says otherwise.
//
// What is set while running are rules, kept in the database and laid over the configuration's limits: at once
// on the server that made them, on a hint of the bus on the others, and within ten seconds if the hint was lost.
//
// Organizations are in the usage tier that they have earned by spending and age, looked at once a minute; its
// rules lie above the installation's and below their own.
//
// Tables: rate_limits (0050_limits.sql), rate_tiers (0051_tiers.sql).
//
// Routes:
//
//	GET    /v1/organization/projects/{project_id}/rate_limits                  listProjectRateLimits   limits.read
//	POST   /v1/organization/projects/{project_id}/rate_limits/{rate_limit_id}  updateProjectRateLimit  limits.write
//	GET    /api/limits                                                         listLimits              limits.read
//	PUT    /api/limits                                                         setLimit                limits.write
//	DELETE /api/limits/{limit}                                                 deleteLimit             limits.write
//	GET    /api/limits/tier                                                    getUsageTier            limits.read
//
// and the three of /api/limits under /admin/limits on the admin socket, for every organization, or for the one that
// ?organization= names; GET /admin/tiers, PUT and DELETE /admin/tiers/{tier} there alone.
//
// Counting is in memory, each server for itself, or in a Counter that several share (package shared); when that
// is away, each counts for itself again, or refuses. generate asks Admit before the engine works and calls
// Decision.Correct when the true number of tokens is known.
//
// Invariants:
//   - A request meets the limits of its organization, project, member, key and end user. It is taken of all of
//     them or of none; all that one organization does is counted one after the other, so that counts are exact.
//   - Buckets hold as much as a limit says and are refilled all the time (see bucket).
//   - Failed requests count. Those that a limit refuses take what is left of the minute, at most one request,
//     so that repeating at once does not help; with Settings.KeepRefused they do not.
//   - Who waits as long as a refusal says is not refused by another limit, unless others ask meanwhile.
//   - Memory is bounded: accounts that have refilled are forgotten every minute.
//   - A change is a line of the audit log.
//   - An organization sees and changes its own rules, those of its projects, members and keys.
package limits

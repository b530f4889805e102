// Package increase lets an organization ask for higher limits, and the operator decide.
//
// A request names a model, the figures that are wanted and why. The server itself adds what was used on each of
// the 30 days before, so that the evidence cannot be made up. Approving sets the limit, in the same transaction;
// who asked gets a mail where a mail server is set up.
//
// Table: limit_requests (0140_limit_requests.sql).
//
// Routes:
//
//	GET    /api/limits/requests                     listLimitRequests     limits.read
//	POST   /api/limits/requests                     createLimitRequest    limits.ask
//	DELETE /api/limits/requests/{request}           withdrawLimitRequest  limits.ask
//	GET    /admin/limits/requests                   adminListLimitRequests
//	POST   /admin/limits/requests/{request}/approve adminApproveLimitRequest
//	POST   /admin/limits/requests/{request}/deny    adminDenyLimitRequest
//
// Invariants:
//   - One request is open for a subject and a model of an organization; the database keeps it so.
//   - A request is decided once. Each step is a line of the organization's audit log (limit_request.…), an approval
//     besides it the line of the limit that it set.
//   - Who may not see all of the organization sees the requests that it made, and asks for the organization, its
//     project and itself alone.
package increase

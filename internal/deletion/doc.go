// Package deletion deletes organizations and accounts for good, and leaves the proof.
//
// Table: deletions (0112_deletions.sql). Routes (http.go): POST /api/organization/delete, POST /api/account/delete,
// GET /api/deletions/{deletion_id}; of the operator POST /admin/organizations/{organization_id}/delete,
// POST /admin/users/{user_id}/delete, GET /admin/deletions.
//
// One transaction ends all access (sessions, links, invitations, keys, memberships), tells the packages that keep
// what is no table's (keys of kept bodies), and makes a job. The job empties the tables in small transactions, each
// with its progress, so that a large organization holds nobody up and a server that is killed goes on where it was.
//
// Invariants:
//
//   - Every table that names an organization (org_id) or a user (user_id) stands in plan.go: emptied, or kept for a
//     reason that docs/ADMIN.md tells. A test holds the plan against the database's own list of tables.
//   - What comes late, as rows of requests that were under way, is looked for again after a quarter of an hour, an
//     hour, a day and a week.
//   - The proof is a line of the audit log, in the organization's own and in that of the operator's organization: how
//     many rows of which table are gone. Nothing of their content is in it.
//   - An organization is deleted by one of its owners, who types its name, or by the operator; never the operator's
//     own. With it go the accounts of those who belong to no other one.
//   - An account is deleted by its user, who shows again that it is theirs, or by the operator; not while it is an
//     organization's only owner.
package deletion

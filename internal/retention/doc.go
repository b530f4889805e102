// Package retention keeps what the API was asked and what it answered for abuse review, as long as the organization
// lets it, and deletes it then, with proof. Who may read it is a reviewer, by the queue, and nobody else.
//
// Tables (0161_retention.sql): retention_settings, retention_keys, retention_blocks, review_items.
//
// Routes: /api/retention of an organization, /api/review/… of reviewers in a browser, /admin/retention, /admin/review and
// /admin/shared-data of the operator.
//
// How bodies are kept: the API offers each request with its answer when it is over (httpapi.Keeper). They gather in memory for
// a second or a megabyte, within a budget; a goroutine compresses those of an organization and a day together, seals them with
// that day's key and writes them as one row. What finds no room is dropped and counted; no request waits or fails.
//
// Invariants:
//
//   - A body is never stored in the clear. The key of an organization's day is sealed with the installation's key (package
//     secrets), which is not in the database.
//   - A day's key is destroyed when its last request is as old as the organization's setting says, or at once when the setting gets
//     shorter. From then on its blocks are noise; they are removed in batches, and the transaction that ends this writes the proof into
//     the organization's audit log. A process that dies in between is continued by the next one.
//   - Lists never have bodies. A reviewer gets them only of an item that they claimed, and only after the line in the audit log of
//     the organization that says so is committed.
//   - Two reviewers never hold one item.
//   - What is shared for training are requests that came after the organization opted in, while it is opted in.
package retention

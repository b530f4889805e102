// Package audit keeps the log of administrative acts: who did what, from where, and how it was before and
// after.
//
// Table: audit_log (0040_audit.sql). Routes (http.go): GET /v1/organization/audit_logs, exactly as OpenAI's
// reference document has it; GET /api/audit, whole lines with a search in their text, and GET /api/audit/export, the same as
// lines of JSON or a table.
//
// Invariants:
//
//   - A line is written in the transaction of its act: neither is there without the other.
//   - Lines are never changed or removed: no statement here does it, and triggers refuse it to every other.
//   - A line never holds a secret: callers give what the API shows.
//   - An organization sees its own lines only.
package audit

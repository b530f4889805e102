package deletion

// table is one that an organization or a user has rows in.
type table struct {
	name   string
	column string // whose value is the id
	key    string // columns that name a row, for deleting a few at a time
	order  string // in which rows go; empty: any
	where  string // only these; empty: all of the id
	detach string // column that refers to another row of the table, whose deletion would take this one along uncounted
}

// ofOrganizations are emptied in this order: rows before those that they refer to.
var ofOrganizations = []table{
	{name: "retention_blocks", column: "org_id", key: "id"},
	{name: "retention_keys", column: "org_id", key: "id"},
	{name: "retention_settings", column: "org_id", key: "org_id"},
	{name: "review_items", column: "org_id", key: "id"},
	{name: "vector_store_batch_files", column: "org_id", key: "batch_id, attachment_id"},
	{name: "vector_store_batches", column: "org_id", key: "id"},
	{name: "vector_store_chunks", column: "org_id", key: "attachment_id, position"},
	{name: "vector_store_files", column: "org_id", key: "id"},
	{name: "vector_stores", column: "org_id", key: "id"},
	{name: "chat_messages", column: "org_id", key: "id", order: "depth DESC, id", detach: "parent_id"},
	{name: "chats", column: "org_id", key: "id"},
	{name: "presets", column: "org_id", key: "id"},
	{name: "interpreter_files", column: "org_id", key: "project_id, owner, path"},
	{name: "interpreter_sessions", column: "org_id", key: "id"},
	{name: "response_items", column: "org_id", key: "response_id, position"},
	{name: "responses", column: "org_id", key: "id"},
	{name: "conversation_items", column: "org_id", key: "conversation_id, position"},
	{name: "conversations", column: "org_id", key: "id"},
	{name: "thread_terms", column: "org_id", key: "thread_id, term"},
	{name: "thread_summaries", column: "org_id", key: "thread_id"},
	{name: "thread_run_steps", column: "org_id", key: "id"},
	{name: "thread_runs", column: "org_id", key: "id"},
	{name: "thread_messages", column: "org_id", key: "id"},
	{name: "threads", column: "org_id", key: "id"},
	{name: "assistant_files", column: "org_id", key: "assistant_id, file_id"},
	{name: "assistants", column: "org_id", key: "id"},
	{name: "upload_parts", column: "org_id", key: "id"},
	{name: "uploads", column: "org_id", key: "id"},
	{name: "files", column: "org_id", key: "id"},
	{name: "file_totals", column: "org_id", key: "org_id"},
	{name: "usage_requests", column: "org_id", key: "id, created_at"},
	{name: "usage_rollups", column: "org_id", key: "kind, span, start_at, project_id, user_id, key_id, model, served_model, class, op, outcome"},
	{name: "usage_end_users", column: "org_id", key: "span, start_at, project_id, end_user, model, class, outcome"},
	{name: "usage_end_user_days", column: "org_id", key: "start_at, project_id, end_user"},
	{name: "limit_requests", column: "org_id", key: "id"},
	{name: "rate_limits", column: "org_id", key: "id"},
	{name: "calendar_entries", column: "org_id", key: "name"},
	{name: "billing_notices", column: "org_id", key: "project_id, month, kind, amount"},
	{name: "billing_budgets", column: "org_id", key: "project_id"},
	{name: "billing_grants", column: "org_id", key: "id"},
	{name: "billing_settled", column: "org_id", key: "month"},
	{name: "billing_accounts", column: "org_id", key: "org_id"},
	{name: "mails", column: "org_id", key: "id"},
	{name: "sso_mappings", column: "org_id", key: "id"},
	{name: "invites", column: "org_id", key: "id"},
	{name: "signin_links", column: "org_id", key: "id"},
	{name: "sessions", column: "org_id", key: "id"},
	{name: "api_keys", column: "org_id", key: "id"},
	{name: "service_accounts", column: "org_id", key: "id"},
	{name: "project_members", column: "org_id", key: "project_id, user_id"},
	{name: "memberships", column: "org_id", key: "user_id"},
	{name: "projects", column: "org_id", key: "id"},
	{name: "organizations", column: "id", key: "id"},
}

// ofUsers are emptied when an account is deleted.
var ofUsers = []table{
	{name: "chat_messages", column: "user_id", key: "id", order: "depth DESC, id", detach: "parent_id"},
	{name: "chats", column: "user_id", key: "id"},
	{name: "presets", column: "user_id", key: "id"},
	{name: "rate_limits", column: "subject_id", key: "id", where: "subject = 'user'"},
	{name: "signin_links", column: "user_id", key: "id"},
	{name: "sessions", column: "user_id", key: "id"},
	{name: "api_keys", column: "user_id", key: "id"},
	{name: "project_members", column: "user_id", key: "project_id, user_id"},
	{name: "memberships", column: "user_id", key: "org_id, user_id"},
	{name: "passwords", column: "user_id", key: "user_id"},
	{name: "recovery_codes", column: "user_id", key: "user_id, hash"},
	{name: "second_factors", column: "user_id", key: "user_id"},
	{name: "sso_identities", column: "user_id", key: "id"},
	{name: "reviewers", column: "user_id", key: "user_id"},
	{name: "users", column: "id", key: "id"},
}

// kept are the tables with org_id whose rows stay when an organization is deleted, and those with user_id whose rows
// stay when an account is, each with the reason.
var kept = map[string]map[string]string{
	"org_id": {
		"audit_log":        "who did what, and the proof of the deletion; the database refuses to change it",
		"billing_invoices": "who sends invoices has to keep them",
		"file_blobs":       "contents that are doomed; a row goes when its content has gone (package files)",
	},
	"user_id": {
		"audit_log":          "who did what; the database refuses to change it",
		"deletions":          "the proof",
		"usage_requests":     "the organization's books; the id no longer leads to anybody",
		"usage_rollups":      "the organization's books; the id no longer leads to anybody",
		"limit_requests":     "the organization's requests; the address is removed",
		"vector_store_files": "the project's; the id no longer leads to anybody",
	},
}

package contract

// organization are the requests to the administration of an organization, in an order in which each finds
// what it needs.
var organization = []exchange{
	{"first", "GET /organization/projects", "", "", 0},
	{"made", "POST /organization/projects", "", `{"name": "Two"}`, 0},
	{"no name", "POST /organization/projects", "", `{}`, 400},
	{"one", "GET /organization/projects/{}", "/organization/projects/{project}", "", 0},
	{"another's", "GET /organization/projects/{}", "/organization/projects/proj_other", "", 404},
	{"renamed", "POST /organization/projects/{}", "/organization/projects/{project}", `{"name": "Zwei"}`, 0},
	{"a page", "GET /organization/projects", "/organization/projects?limit=1", "", 0},

	{"all", "GET /organization/users", "", "", 0},
	{"by address", "GET /organization/users", "/organization/users?emails[]=nobody@example.com", "", 0},
	{"unknown", "GET /organization/users/{}", "/organization/users/user-none", "", 404},

	{"none", "GET /organization/invites", "", "", 0},
	{"made", "POST /organization/invites", "", `{"email": "a@example.com", "role": "reader", "projects": [{"id": "{project}", "role": "member"}]}`, 0},
	{"no address", "POST /organization/invites", "", `{"email": "a", "role": "reader"}`, 400},
	{"one", "GET /organization/invites/{}", "/organization/invites/{invite}", "", 0},
	{"all", "GET /organization/invites", "", "", 0},
	{"gone", "DELETE /organization/invites/{}", "/organization/invites/{invite}", "", 0},

	{"one", "GET /organization/users/{}", "/organization/users/{user}", "", 0},
	{"the last owner", "POST /organization/users/{}", "/organization/users/{user}", `{"role": "reader"}`, 400},
	{"the same", "POST /organization/users/{}", "/organization/users/{user}", `{"role": "owner"}`, 0},
	{"made", "POST /organization/projects", "", `{"name": "Three"}`, 0},
	{"all", "GET /organization/projects/{}/users", "/organization/projects/{project}/users", "", 0},
	{"one", "GET /organization/projects/{}/users/{}", "/organization/projects/{project}/users/{user}", "", 0},
	{"role", "POST /organization/projects/{}/users/{}", "/organization/projects/{project}/users/{user}", `{"role": "member"}`, 0},
	{"gone", "DELETE /organization/projects/{}/users/{}", "/organization/projects/{project}/users/{user}", "", 0},
	{"added", "POST /organization/projects/{}/users", "/organization/projects/{project}/users", `{"user_id": "{user}", "role": "owner"}`, 0},
	{"twice", "POST /organization/projects/{}/users", "/organization/projects/{project}/users", `{"user_id": "{user}", "role": "owner"}`, 400},
	{"the last owner", "DELETE /organization/users/{}", "/organization/users/{user}", "", 400},

	{"made", "POST /organization/projects/{}/service_accounts", "/organization/projects/{project}/service_accounts", `{"name": "robot"}`, 0},
	{"bare", "POST /organization/projects/{}/service_accounts", "/organization/projects/{project}/service_accounts", `{"name": "bare", "create_service_account_only": true}`, 0},
	{"all", "GET /organization/projects/{}/service_accounts", "/organization/projects/{project}/service_accounts", "", 0},
	{"one", "GET /organization/projects/{}/service_accounts/{}", "/organization/projects/{project}/service_accounts/{account}", "", 0},
	{"changed", "POST /organization/projects/{}/service_accounts/{}", "/organization/projects/{project}/service_accounts/{account}", `{"name": "Robot", "role": "owner"}`, 0},
	{"made", "POST /organization/projects/{}/service_accounts/{}/api_keys", "/organization/projects/{project}/service_accounts/{account}/api_keys", `{"name": "second"}`, 0},
	{"all", "GET /organization/projects/{}/api_keys", "/organization/projects/{project}/api_keys", "", 0},
	{"one", "GET /organization/projects/{}/api_keys/{}", "/organization/projects/{project}/api_keys/{account key}", "", 0},
	{"a service account's", "DELETE /organization/projects/{}/api_keys/{}", "/organization/projects/{project}/api_keys/{account key}", "", 400},
	{"gone", "DELETE /organization/projects/{}/service_accounts/{}", "/organization/projects/{project}/service_accounts/{account}", "", 0},
	{"a user's", "GET /organization/projects/{}/api_keys", "/organization/projects/{first}/api_keys", "", 0},
	{"of those who left", "GET /organization/projects/{}/api_keys", "/organization/projects/{first}/api_keys?owner_project_access=inactive", "", 0},
	{"of some", "GET /organization/projects/{}/api_keys", "/organization/projects/{first}/api_keys?owner_project_access=some", "", 400},
	{"a user's", "GET /organization/projects/{}/api_keys/{}", "/organization/projects/{first}/api_keys/{key}", "", 0},

	{"archived", "POST /organization/projects/{}/archive", "/organization/projects/{project}/archive", "", 0},
	{"the default one", "POST /organization/projects/{}/archive", "/organization/projects/{first}/archive", "", 400},
	{"archived too", "GET /organization/projects", "/organization/projects?include_archived=true", "", 0},

	{"made", "POST /organization/admin_api_keys", "", `{"name": "admin", "expires_in_seconds": 3600}`, 0},
	{"too long", "POST /organization/admin_api_keys", "", `{"name": "admin", "expires_in_seconds": 31536001}`, 400},
	{"all", "GET /organization/admin_api_keys", "", "", 0},
	{"one", "GET /organization/admin_api_keys/{}", "/organization/admin_api_keys/{admin key}", "", 0},
	{"gone", "DELETE /organization/admin_api_keys/{}", "/organization/admin_api_keys/{admin key}", "", 0},

	{"plain", "GET /organization/audit_logs", "", "", 0},
	{"filtered", "GET /organization/audit_logs", "/organization/audit_logs?limit=1&event_types[]=api_key.created&effective_at[gt]=1", "", 0},
	{"a limit too high", "GET /organization/audit_logs", "/organization/audit_logs?limit=1000", "", 400},

	// The key that all of this was done with.
	{"a user's", "DELETE /organization/projects/{}/api_keys/{}", "/organization/projects/{first}/api_keys/{key}", "", 0},
}

// makes names the id of an answer, or of the first object of a list, by operation and name of an exchange:
// later paths and bodies say "{project}".
var makes = map[string]string{
	"GET /organization/projects first":                                 "first",
	"POST /organization/projects made":                                 "project",
	"GET /organization/users all":                                      "user",
	"POST /organization/invites made":                                  "invite",
	"POST /organization/projects/{}/service_accounts made":             "account",
	"POST /organization/projects/{}/service_accounts/{}/api_keys made": "account key",
	"GET /organization/projects/{}/api_keys a user's":                  "key",
	"POST /organization/admin_api_keys made":                           "admin key",
}

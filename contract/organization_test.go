package contract

// organization are the requests to the administration of an organization, in an order in which each finds
// what it needs.
var organization = []exchange{
	{operation: "GET /organization/audit_logs", name: "plain"},
	{operation: "GET /organization/audit_logs", name: "filtered", path: "/organization/audit_logs?limit=1&event_types[]=api_key.created&effective_at[gt]=1"},
	{operation: "GET /organization/audit_logs", name: "a limit too high", path: "/organization/audit_logs?limit=1000", status: 400},
}

// makes names the id of an answer, by operation and name: later paths and bodies say "{project}".
var makes = map[string]string{}

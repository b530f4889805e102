package audit

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
)

// maxFilter is how many alternatives a list of a filter may have.
const maxFilter = 100

// filterQuery are the parameters that choose lines.
type filterQuery struct {
	After    *int64   `query:"effective_at[gt]" doc:"Only what was done after this second since 1970."`
	From     *int64   `query:"effective_at[gte]" doc:"Only what was done in this second since 1970 or later."`
	Before   *int64   `query:"effective_at[lt]" doc:"Only what was done before this second since 1970."`
	Until    *int64   `query:"effective_at[lte]" doc:"Only what was done in this second since 1970 or before."`
	Projects []string `query:"project_ids[]" doc:"Only what was done in these projects."`
	Types    []string `query:"event_types[]" doc:"Only events of these types."`
	Actors   []string `query:"actor_ids[]" doc:"Only what these users, service accounts or API keys did."`
	Emails   []string `query:"actor_emails[]" doc:"Only what users with these e-mail addresses did."`
	Objects  []string `query:"resource_ids[]" doc:"Only what was done to these objects."`
}

// listQuery are the parameters of a page.
type listQuery struct {
	filterQuery
	Limit      *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"20"`
	PageAfter  string `query:"after" doc:"Id of the last object of the page before."`
	PageBefore string `query:"before" doc:"Id of the first object of the page after."`
}

// ownQuery are Parley's own parameters beside OpenAI's.
type ownQuery struct {
	filterQuery
	Text string `query:"q" doc:"Only lines that have this text: in the type, the id of what was acted on, who did it, from where, or in what was before and after."`
}

// pageQuery are those of a page of whole lines.
type pageQuery struct {
	ownQuery
	Limit *int   `query:"limit" doc:"How many objects to return." min:"1" max:"100" default:"20"`
	After string `query:"after" doc:"Id of the last object of the page before."`
}

// exportQuery are those of an export.
type exportQuery struct {
	ownQuery
	Format string `query:"format" doc:"Lines of JSON, or a table for a spreadsheet." enum:"jsonl,csv" default:"jsonl"`
}

func (q ownQuery) filter() (Filter, error) {
	f, err := q.filterQuery.filter()
	f.Text = q.Text
	return f, err
}

func (q filterQuery) filter() (Filter, error) {
	f := Filter{After: q.After, From: q.From, Before: q.Before, Until: q.Until, Projects: q.Projects, Types: q.Types, Actors: q.Actors, Emails: q.Emails, Objects: q.Objects}
	for _, list := range []struct {
		name   string
		values []string
	}{{"project_ids", f.Projects}, {"event_types", f.Types}, {"actor_ids", f.Actors}, {"actor_emails", f.Emails}, {"resource_ids", f.Objects}} {
		if err := httpapi.MaxItems(list.name, len(list.values), maxFilter); err != nil {
			return f, err
		}
		if slices.ContainsFunc(list.values, func(v string) bool { return strings.ContainsRune(v, 0) }) {
			return f, fault.Param(list.name, "Invalid '%s': a text has no NUL character.", list.name).WithCode("invalid_value")
		}
	}
	return f, nil
}

// Object is a line as OpenAI's reference document shows it: the details stand in a member that is called
// as the type. Types that the document does not have are Parley's own.
type Object struct{ line Line }

// OpenAPIName is the schema's name.
func (Object) OpenAPIName() string { return "AuditLog" }

// OpenAPISchema is the schema.
func (Object) OpenAPISchema() map[string]any {
	text := map[string]any{"type": "string"}
	object := func(properties map[string]any) map[string]any {
		return map[string]any{"type": "object", "properties": properties}
	}
	user := object(map[string]any{"id": text, "email": text})
	return map[string]any{
		"type": "object", "description": "An administrative act; its details stand in a member called as its type.",
		"required": []string{"id", "type", "effective_at"}, "additionalProperties": true,
		"properties": map[string]any{
			"id": text, "type": text,
			"effective_at": map[string]any{"type": "integer", "description": "Seconds since 1970."},
			"project":      object(map[string]any{"id": text}),
			"actor": object(map[string]any{"type": map[string]any{"type": "string", "enum": []string{"session", "api_key"}},
				"session": object(map[string]any{"user": user, "ip_address": text}),
				"api_key": object(map[string]any{"id": text, "type": text, "user": user, "service_account": object(map[string]any{"id": text})})}),
		},
	}
}

// details are the members of After that the reference document shows, by the first word of the type.
var details = map[string][]string{
	"api_key": {"scopes"}, "project": {"name", "title"}, "invite": {"email", "role"}, "user": {"role"}, "service_account": {"role"},
	"rate_limit": {"max_requests_per_1_minute", "max_tokens_per_1_minute", "max_requests_per_1_day"},
}

// MarshalJSON implements json.Marshaler.
func (o Object) MarshalJSON() ([]byte, error) {
	l := o.line
	out := map[string]any{"id": l.ID, "type": l.Type, "effective_at": l.At.Unix(), "actor": l.actor(), l.Type: l.detail()}
	if l.Project != "" {
		out["project"] = map[string]string{"id": l.Project}
	}
	return json.Marshal(out)
}

// actor is null for what was done on the server's machine, by neither a key nor a session.
func (l Line) actor() any {
	user := map[string]string{"id": l.User}
	if l.Email != "" {
		user["email"] = l.Email
	}
	switch {
	case l.Key != "" && l.ServiceAccount != "":
		return map[string]any{"type": "api_key", "api_key": map[string]any{"id": l.Key, "type": "service_account", "service_account": map[string]string{"id": l.ServiceAccount}}}
	case l.Key != "":
		return map[string]any{"type": "api_key", "api_key": map[string]any{"id": l.Key, "type": "user", "user": user}}
	case l.Session != "":
		return map[string]any{"type": "session", "session": map[string]any{"user": user, "ip_address": l.IP}}
	}
	return nil
}

func (l Line) detail() map[string]any {
	noun, verb, _ := strings.Cut(l.Type, ".")
	out := map[string]any{}
	if noun == "login" || noun == "logout" {
		if verb == "failed" {
			var after map[string]any
			if json.Unmarshal(l.After, &after) == nil {
				out["error_code"], out["error_message"] = after["error_code"], after["error_message"]
			}
		}
		return out
	}
	out["id"] = l.Object
	shown := map[string]any{}
	var after map[string]any
	if json.Unmarshal(l.After, &after) == nil {
		for name, v := range after {
			if wanted, known := details[noun]; !known || slices.Contains(wanted, name) {
				shown[name] = v
			}
		}
	}
	switch verb {
	case "created", "sent", "added":
		out["data"] = shown
	case "updated":
		out["changes_requested"] = shown
	}
	return out
}

// Routes are the log's lines of the route table.
func (l *Log) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/v1/organization/audit_logs", Op: "listAuditLogs", Tag: "Organization", Summary: "Lists administrative acts, the newest first.",
			Out: httpapi.List[Object]{}, Query: listQuery{}, Scope: actor.AuditRead, Handle: l.list},
		{Method: http.MethodGet, Path: "/api/audit", Op: "searchAudit", Tag: "Organization", Summary: "Searches administrative acts, the newest first.",
			Doc: "Besides what OpenAI's list shows, a line has the address that the request came from, its user agent and id, and what there was before and after.",
			Out: httpapi.List[Line]{}, Query: pageQuery{}, Scope: actor.AuditRead, Handle: l.search},
		{Method: http.MethodGet, Path: "/api/audit/export", Op: "exportAudit", Tag: "Organization", Summary: "All administrative acts as lines of JSON or a table, the oldest first.",
			Doc:      "What GET /api/audit shows.",
			Produces: "application/x-ndjson", Query: exportQuery{}, Scope: actor.AuditRead, Handle: l.export},
	}
}

func (l *Log) list(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[listQuery](r)
	if err != nil {
		return err
	}
	f, err := q.filter()
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize); err != nil {
		return err
	}
	p := store.Paging{After: q.PageAfter, Before: q.PageBefore}
	if q.Limit != nil {
		p.Limit = *q.Limit
	}
	lines, more, err := l.List(r.Context(), httpapi.ActorOf(r.Context()), f, p)
	if err != nil {
		return err
	}
	out := make([]Object, len(lines))
	for i, line := range lines {
		out[i] = Object{line}
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, more, func(o Object) string { return o.line.ID }))
}

func (l *Log) search(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[pageQuery](r)
	if err != nil {
		return err
	}
	f, err := q.filter()
	if err != nil {
		return err
	}
	if err := httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize); err != nil {
		return err
	}
	p := store.Paging{After: q.After}
	if q.Limit != nil {
		p.Limit = *q.Limit
	}
	lines, more, err := l.List(r.Context(), httpapi.ActorOf(r.Context()), f, p)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(lines, more, func(line Line) string { return line.ID }))
}

func (l *Log) export(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[exportQuery](r)
	if err != nil {
		return err
	}
	f, err := q.filter()
	if err != nil {
		return err
	}
	if err := httpapi.OneOf("format", q.Format, "jsonl", "csv"); err != nil {
		return err
	}
	who := httpapi.ActorOf(r.Context())
	if q.Format == "csv" {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="audit.csv"`)
		return l.table(r.Context(), w, who, f)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	out := json.NewEncoder(w)
	return l.Export(r.Context(), who, f, func(line Line) error { return out.Encode(line) })
}

// table writes lines as RFC 4180 has it, under a line of names.
func (l *Log) table(ctx context.Context, w io.Writer, who actor.Actor, f Filter) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"id", "type", "at", "project", "object", "user", "email", "service_account", "api_key", "session", "ip_address", "forwarded_for",
		"user_agent", "request_id", "before", "after"}); err != nil {
		return err
	}
	if err := l.Export(ctx, who, f, func(line Line) error {
		cells := []string{line.ID, line.Type, line.At.UTC().Format(time.RFC3339), line.Project, line.Object, line.User, line.Email, line.ServiceAccount, line.Key, line.Session,
			line.IP, line.Forwarded, line.UserAgent, line.RequestID, string(line.Before), string(line.After)}
		for i, cell := range cells {
			cells[i] = harmless(cell)
		}
		return out.Write(cells)
	}); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking what others wrote, such as a user agent, for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

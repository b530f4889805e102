package server_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/testkit"
)

// allowed says which roles a scope is for. It is written by hand, so that roles and scopes are judged by
// something else than the code that grants them.
var allowed = map[string]string{
	"models.read":        "owner admin member reader",
	"chats.read":         "owner admin member reader",
	"session.read":       "owner admin member reader",
	"session.write":      "owner admin member reader",
	"keys.read":          "owner admin member reader",
	"limits.read":        "owner admin member reader",
	"usage.read":         "owner admin member reader",
	"chat.write":         "owner admin member",
	"completions.write":  "owner admin member",
	"embeddings.write":   "owner admin member",
	"files.read":         "owner admin member reader",
	"files.write":        "owner admin member",
	"assistants.read":    "owner admin member reader",
	"assistants.write":   "owner admin member",
	"chats.write":        "owner admin member",
	"keys.write":         "owner admin member",
	"models.write":       "owner admin",
	"limits.write":       "owner admin",
	"limits.ask":         "owner admin member",
	"audit.read":         "owner admin",
	"billing.read":       "owner admin",
	"billing.write":      "owner admin",
	"organization.read":  "owner admin",
	"organization.write": "owner admin",
	"organization.own":   "owner",
	"project.read":       "owner admin", // and the project's owner, see credentials
	"project.write":      "owner admin",
	"retention.read":     "owner admin",
	"retention.write":    "owner",
	"reviewer":           "", // no role: whom the operator named, in a browser, see credentials
	"operator":           "", // no role: an owner of the first organization in a browser, see credentials
}

// public are the operations that need nobody, and anybody those that need somebody, whoever it is.
var (
	public  = []string{"createSession", "startSSO", "finishSSO", "logoutSSO", "getSSO", "getDeletion", "getSignInMethods", "describeSignInLink", "resetPassword", "healthz", "readyz", "metrics", "getOpenAPI", "getDocs", "statusPage", "statusFeed", "statusJSON", "statusSummary", "statusIndicator", "statusComponents", "statusIncidents", "statusUnresolved"}
	anybody = []string{"deleteSession"}
)

// administration are the groups of scopes that a key of the organization is for.
var administration = []string{"organization", "project", "audit", "usage", "limits", "billing"}

// holds reports whether one scope, of the two that a key can be restricted to, is enough for what a route needs.
func holds(only, scope string) bool {
	return scope == only || strings.Replace(scope, "project.", "organization.", 1) == only
}

// credential is a way to be somebody.
type credential struct {
	name   string
	header [2]string
	may    func(scope string) bool
}

// must returns what a call returned, which has to succeed.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// join makes a user of a role by an invitation.
func join(t *testing.T, ids *identity.Service, inviter actor.Actor, email, role string) identity.Session {
	t.Helper()
	token, _, err := ids.Invite(t.Context(), inviter, email, role, nil)
	if err != nil {
		t.Fatal(err)
	}
	return must[identity.Session](t)(ids.Accept(t.Context(), token, actor.Actor{}))
}

func keyFor(t *testing.T, ids *identity.Service, who actor.Actor, scopes ...string) [2]string {
	t.Helper()
	secret, _, err := ids.CreateKey(t.Context(), who, identity.NewKey{Name: "matrix", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{"Authorization", "Bearer " + secret}
}

func withCookie(secret string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: identity.Cookie, Value: secret})
	return r
}

// credentials are sessions and keys of every permission for every role.
func credentials(t *testing.T, s *testkit.Server, owner actor.Actor, scopes []string) []credential {
	t.Helper()
	ids := s.Identity()
	var out []credential
	for _, role := range []string{"owner", "admin", "member", "reader"} {
		is := func(scope string) bool { return slices.Contains(strings.Fields(allowed[scope]), role) }
		// Keys are made as an owner, so that only the role at the moment of use holds them back.
		user := join(t, ids, owner, role+"@example.com", "owner")
		browser := func(scope string) bool { return is(scope) || scope == actor.Operate && role == actor.Owner }
		out = append(out,
			credential{role + ", session", [2]string{"Cookie", identity.Cookie + "=" + user.Secret}, browser},
			credential{role + ", key for all", keyFor(t, ids, user.Actor), is},
			credential{role + ", key to read", keyFor(t, ids, user.Actor, "*.read"), func(scope string) bool { return is(scope) && strings.HasSuffix(scope, ".read") }})
		for _, only := range scopes {
			group, _, _ := strings.Cut(only, ".")
			out = append(out,
				credential{role + ", key for " + only, keyFor(t, ids, user.Actor, only), func(scope string) bool { return is(scope) && holds(only, scope) }},
				credential{role + ", key for all of " + group, keyFor(t, ids, user.Actor, group+".*"), func(scope string) bool {
					of, _, _ := strings.Cut(scope, ".")
					return is(scope) && (of == group || of == "project" && group == "organization")
				}})
		}
		secret, _, err := ids.CreateAdminKey(t.Context(), user.Actor, role, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, credential{role + ", admin key", [2]string{"Authorization", "Bearer " + secret}, func(scope string) bool {
			group, _, _ := strings.Cut(scope, ".")
			return is(scope) && slices.Contains(administration, group)
		}})
		must[identity.User](t)(ids.SetRole(t.Context(), owner, user.Actor.User, role))
	}
	// Who owns a project looks after it, unless they are in the organization to see only.
	for _, role := range []string{actor.Member, actor.Reader} {
		user := join(t, ids, owner, role+"-owner@example.com", role)
		must[identity.User](t)(ids.SetProjectRole(t.Context(), owner, owner.Project, user.Actor.User, actor.Owner))
		may := func(scope string) bool {
			return slices.Contains(strings.Fields(allowed[scope]), role) || role == actor.Member && strings.HasPrefix(scope, "project.")
		}
		out = append(out, credential{role + " and project owner, session", [2]string{"Cookie", identity.Cookie + "=" + user.Secret}, may})
		if role == actor.Member {
			out = append(out, credential{"project owner, key for project.read", keyFor(t, ids, must[actor.Actor](t)(ids.Authenticate(withCookie(user.Secret))), "project.read"),
				func(scope string) bool { return scope == actor.ProjectRead }})
		}
	}
	reviewer := join(t, ids, owner, "reviewer@example.com", actor.Member)
	must[identity.Reviewer](t)(ids.AddReviewer(t.Context(), owner, reviewer.Actor.User))
	member := func(scope string) bool { return slices.Contains(strings.Fields(allowed[scope]), actor.Member) }
	out = append(out,
		credential{"reviewer, session", [2]string{"Cookie", identity.Cookie + "=" + reviewer.Secret}, func(scope string) bool { return member(scope) || scope == actor.Review }},
		credential{"reviewer, key for all", keyFor(t, ids, reviewer.Actor), member})
	secret, _, _, err := ids.CreateServiceAccount(t.Context(), owner, owner.Project, "robot", false)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, credential{"service account", [2]string{"Authorization", "Bearer " + secret}, func(scope string) bool {
		return slices.Contains(strings.Fields(allowed[scope]), "member")
	}})
}

// ownerOf is the server's first owner, as its key has it.
func ownerOf(t *testing.T, s *testkit.Server) actor.Actor {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+s.Key)
	who := must[actor.Actor](t)(s.Identity().Authenticate(r))
	who.Key = ""
	return who
}

// TestAuthorizationMatrix: every route × every role × every permission of a key. The routes are the server's
// own, with handlers that only say that they were reached: a new route is in the matrix at once.
func TestAuthorizationMatrix(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Log: slog.New(slog.DiscardHandler)})
	routes := s.Routes()
	scopes := map[string]bool{}
	for i := range routes {
		rt := &routes[i]
		rt.Handle = func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		switch {
		case (rt.Auth == httpapi.AuthNone) != slices.Contains(public, rt.Op):
			t.Errorf("%s needs nobody: %v; the list of public operations says otherwise", rt.Op, rt.Auth == httpapi.AuthNone)
		case rt.Auth == httpapi.AuthNone:
		case (rt.Scope == "") != slices.Contains(anybody, rt.Op):
			t.Errorf("%s has the scope %q; the list of operations for anybody says otherwise", rt.Op, rt.Scope)
		case rt.Scope == actor.Operate, rt.Scope == actor.Review:
		case rt.Scope != "" && allowed[rt.Scope] == "":
			t.Errorf("%s needs %s: say which roles have it", rt.Op, rt.Scope)
		case rt.Scope != "":
			scopes[rt.Scope] = true
		}
	}
	for scope := range allowed {
		if scope != actor.Operate && scope != actor.Review && !scopes[scope] {
			t.Errorf("no route needs %s", scope)
		}
	}
	owner := ownerOf(t, s)
	var list []string
	for scope := range scopes {
		list = append(list, scope)
	}
	slices.Sort(list)
	all := credentials(t, s, owner, list)
	gone := join(t, s.Identity(), owner, "gone@example.com", "owner")
	goneKey := keyFor(t, s.Identity(), gone.Actor)
	if err := s.Identity().RemoveUser(t.Context(), owner, gone.Actor.User); err != nil {
		t.Fatal(err)
	}
	never := func(string) bool { return false }
	refused := []credential{{"nobody", [2]string{"X", "y"}, never}, {"a key that nobody has", [2]string{"Authorization", "Bearer sk-nobody"}, never},
		{"a session that nobody has", [2]string{"Cookie", identity.Cookie + "=ps-nobody"}, never}, {"a removed user's key", goneKey, never},
		{"a removed user's session", [2]string{"Cookie", identity.Cookie + "=" + gone.Secret}, never}}
	api := must[*httpapi.API](t)(httpapi.New(httpapi.Options{Routes: routes, Auth: s.Identity(), Logger: slog.New(slog.DiscardHandler), Clock: s.Clock}))
	ask := func(rt httpapi.Route, header [2]string) (int, string) {
		path := rt.Path
		for i := strings.IndexByte(path, '{'); i >= 0; i = strings.IndexByte(path, '{') {
			path = path[:i] + "x" + path[strings.IndexByte(path, '}')+1:]
		}
		r := httptest.NewRequest(rt.Method, path, nil)
		r.Header.Set(header[0], header[1])
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	asked := 0
	for _, rt := range routes {
		for _, c := range all {
			asked++
			want := http.StatusForbidden
			if rt.Auth == httpapi.AuthNone || rt.Scope == "" || c.may(rt.Scope) {
				want = http.StatusNoContent
			}
			if status, text := ask(rt, c.header); status != want || want == http.StatusForbidden && !strings.Contains(text, `"missing_scope"`) {
				t.Errorf("%s %s (%s) as %s: %d, want %d: %s", rt.Method, rt.Path, rt.Scope, c.name, status, want, text)
			}
		}
		for _, c := range refused {
			asked++
			want := http.StatusUnauthorized
			if rt.Auth == httpapi.AuthNone {
				want = http.StatusNoContent
			}
			if status, text := ask(rt, c.header); status != want {
				t.Errorf("%s %s as %s: %d, want %d: %s", rt.Method, rt.Path, c.name, status, want, text)
			}
		}
	}
	t.Logf("%d routes, %d scopes, %d ways to be somebody, %d to be nobody: %d requests", len(routes), len(scopes), len(all), len(refused), asked)
}

// shared are parameters of paths that name what belongs to no organization.
// A deletion is for whoever has its id, as who asked for it is signed out; it tells of no person.
var shared = []string{"{model...}", "{engine...}", "{engine}", "{deletion_id}"}

// bodies are what the operations on one object take.
var bodies = map[string]string{
	"setBudget":                       `{"hard_limit_usd":1}`,
	"updateChat":                      `{"title":"stolen"}`,
	"updateSSOMapping":                `{"group":"g","role":"reader"}`,
	"updatePreset":                    `{"name":"stolen"}`,
	"createMessage":                   `{"parent_id":null,"content":[{"type":"text","text":"x"}]}`,
	"updateProject":                   `{"name":"stolen"}`,
	"updateUser":                      `{"role":"reader"}`,
	"createProjectUser":               `{"user_id":"OTHER","role":"owner"}`,
	"updateProjectUser":               `{"role":"member"}`,
	"updateKey":                       `{"name":"stolen"}`,
	"createServiceAccount":            `{"name":"stolen"}`,
	"updateProjectRateLimit":          `{"max_requests_per_1_minute":1}`,
	"createThreadMessage":             `{"role":"user","content":"x"}`,
	"createAssistantFile":             `{"file_id":"file-x"}`,
	"createRun":                       `{"assistant_id":"asst_x"}`,
	"submitToolOuputsToRun":           `{"tool_outputs":[{"tool_call_id":"call_x","output":"x"}]}`,
	"addUploadPart":                   "--b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n",
	"completeUpload":                  `{"part_ids":["part_x"]}`,
	"searchVectorStore":               `{"query":"x"}`,
	"createVectorStoreFile":           `{"file_id":"file-x"}`,
	"updateVectorStoreFileAttributes": `{"attributes":{}}`,
	"createVectorStoreFileBatch":      `{"file_ids":["file-x"]}`,
	"updateConversation":              `{"metadata":{}}`,
	"createConversationItems":         `{"items":[{"type":"message","role":"user","content":"x"}]}`,
}

// TestOtherOrganizations: every route with an object in its path says that there is none to the owner of
// another organization, whose key may do everything there; to its own owner it shows it.
func TestOtherOrganizations(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Log: slog.New(slog.DiscardHandler)})
	ids := s.Identity()
	ctx := t.Context()
	owner := ownerOf(t, s)
	invoice := newInvoice(t, s)
	token, _, err := ids.CreateOrganization(ctx, "second", "boss@example.com")
	if err != nil {
		t.Fatal(err)
	}
	boss := must[identity.Session](t)(ids.Accept(ctx, token, actor.Actor{}))
	key := keyFor(t, ids, boss.Actor)

	mine := newChat(t, s)
	_, account, accountKey, err := ids.CreateServiceAccount(ctx, owner, owner.Project, "robot", false)
	if err != nil {
		t.Fatal(err)
	}
	_, admin, err := ids.CreateAdminKey(ctx, owner, "admin", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, invite, err := ids.Invite(ctx, owner, "x@example.com", actor.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	var limit struct{ ID string }
	resp, text := s.Call(http.MethodPut, "/api/limits", map[string]any{"max_requests_per_1_minute": 500000})
	if err := json.Unmarshal([]byte(text), &limit); err != nil || limit.ID == "" {
		t.Fatalf("a limit: %s %s", resp.Status, text)
	}
	var ask struct{ ID string }
	resp, text = s.Call(http.MethodPost, "/api/limits/requests", map[string]any{"reason": "more people", "wanted": map[string]any{"max_requests_per_1_minute": 600000}})
	if err := json.Unmarshal([]byte(text), &ask); err != nil || ask.ID == "" {
		t.Fatalf("a request for an increase: %s %s", resp.Status, text)
	}
	var preset struct{ ID string }
	resp, text = s.Call(http.MethodPost, "/api/presets", map[string]any{"name": "mine", "mode": "chat", "settings": map[string]any{}, "shared": true})
	if err := json.Unmarshal([]byte(text), &preset); err != nil || preset.ID == "" {
		t.Fatalf("a preset: %s %s", resp.Status, text)
	}
	var sessions struct{ Data []struct{ ID string } }
	resp, text = s.Do(s.Browser(), http.MethodGet, "/api/account/sessions", nil)
	if err := json.Unmarshal([]byte(text), &sessions); err != nil || len(sessions.Data) == 0 {
		t.Fatalf("a session: %s %s", resp.Status, text)
	}
	var mapping struct{ ID string }
	resp, text = s.Call(http.MethodPost, "/api/organization/sso/mappings", map[string]any{"group": "staff", "role": "member"})
	if err := json.Unmarshal([]byte(text), &mapping); err != nil || mapping.ID == "" {
		t.Fatalf("a mapping: %s %s", resp.Status, text)
	}
	objects := map[string]string{
		"{request}": ask.ID, "{session_id}": sessions.Data[0].ID, "{identity_id}": "ssoid_none", "{mapping_id}": mapping.ID,
		"{preset_id}": preset.ID, "{id}": mine.ID, "{message_id}": mine.Answer, "{project_id}": owner.Project, "{user_id}": owner.User, "{service_account_id}": account.ID,
		"{api_key_id}": accountKey.ID, "{key}": accountKey.ID, "{key_id}": admin.ID, "{invite_id}": invite.ID, "{limit}": limit.ID, "{invoice}": invoice, "{subject}": owner.Project, "{rate_limit_id}": "rl-gpt-4",
	}
	maps.Copy(objects, kept(t, s))
	n := 0
	for _, rt := range s.Routes() {
		if rt.Scope == actor.Operate || rt.Scope == actor.Review { // there is no other one's: the first organization's owners alone may, or reviewers, and this one is neither
			header := map[string]string{"Cookie": identity.Cookie + "=" + boss.Secret, "Content-Type": "application/json"}
			if resp, text := s.CallWith(header, rt.Method, rt.Path, "{}"); resp.StatusCode != http.StatusForbidden || !strings.Contains(text, "missing_scope") {
				t.Errorf("%s %s as another organization's owner: %s %s", rt.Method, rt.Path, resp.Status, text)
			}
			continue
		}
		path, private := rt.Path, false
		for _, part := range strings.Split(rt.Path, "/") {
			if !strings.HasPrefix(part, "{") || slices.Contains(shared, part) {
				continue
			}
			name := part
			if part == "{message_id}" && strings.HasPrefix(rt.Path, "/v1/threads/") {
				name = "{thread message_id}"
			}
			if objects[name] == "" {
				t.Fatalf("%s: name an object of %s", rt.Op, part)
			}
			path, private = strings.ReplaceAll(path, part, objects[name]), true
		}
		if !private {
			continue
		}
		n++
		body := strings.ReplaceAll(bodies[rt.Op], "OTHER", boss.Actor.User)
		if body == "" && rt.In != nil {
			body = "{}"
		}
		headers := map[string]string{key[0]: key[1], "Content-Type": "application/json", "OpenAI-Beta": beta(path)}
		if rt.Form {
			headers["Content-Type"] = "multipart/form-data; boundary=b"
		}
		if strings.HasPrefix(rt.Path, "/api/account/") { // not with a key
			headers = map[string]string{"Cookie": identity.Cookie + "=" + boss.Secret, "Content-Type": "application/json"}
		}
		resp, text := s.CallWith(headers, rt.Method, path, body)
		if resp.StatusCode != http.StatusNotFound || strings.Contains(text, "Invalid URL") || strings.Contains(text, owner.OrgName) {
			t.Errorf("%s %s of another organization: %s %s", rt.Method, rt.Path, resp.Status, text)
		}
		if rt.Method == http.MethodGet {
			if resp, text := s.CallWith(map[string]string{"Authorization": "Bearer " + s.Key, "OpenAI-Beta": beta(path)}, rt.Method, path, nil); resp.StatusCode != http.StatusOK {
				t.Errorf("%s %s of one's own: %s %s", rt.Method, rt.Path, resp.Status, text)
			}
		}
	}
	// Nor is anything of it in a list.
	for _, rt := range s.Routes() {
		if rt.Method != http.MethodGet || strings.Contains(rt.Path, "{") || rt.Auth == httpapi.AuthNone || rt.Scope == actor.Operate || rt.Scope == actor.Review {
			continue
		}
		_, text := s.CallWith(map[string]string{key[0]: key[1], "OpenAI-Beta": beta(rt.Path)}, rt.Method, rt.Path, nil)
		for what, id := range objects {
			if what != "{rate_limit_id}" && strings.Contains(text, id) {
				t.Errorf("GET %s shows another organization's %s %s: %s", rt.Path, what, id, text)
			}
		}
	}
	t.Logf("%d routes with an object in the path", n)
}

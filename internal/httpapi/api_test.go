package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

var update = flag.Bool("update", false, "write the goldens anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test -update writes it anew\n--- got\n%s\n--- want\n%s", file, got, want)
	}
}

func ok(w http.ResponseWriter, _ *http.Request) error {
	return JSON(w, http.StatusOK, map[string]string{"ok": "yes"})
}

// TestErrors is the promise of "Bad input gets", for what this package decides: status, headers and bytes.
func TestErrors(t *testing.T) {
	secret := errors.New("pq: connection to 10.0.0.5 refused, password=hunter2")
	failing := map[string]error{
		"internal":    fmt.Errorf("chats.Create: %w", secret),
		"notfound":    fault.New(fault.NotFound, "The model `x` does not exist").WithCode("model_not_found").WithCause(secret),
		"overloaded":  fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later"),
		"quota":       fault.New(fault.Quota, "You exceeded your current quota, please check your plan and billing details"),
		"unavailable": fault.New(fault.Unavailable, "The model is loading."),
		"wait":        fault.New(fault.Overloaded, "Later.").WithWait(6001 * time.Millisecond),
		"longwait":    fault.New(fault.Unavailable, "Much later.").WithWait(time.Hour),
		"param":       fault.Param("messages[0].role", "Invalid value: 'x'.").WithCode("invalid_value"),
		"conflict":    fault.New(fault.Conflict, "Exists."),
		"timeout":     fault.New(fault.Timeout, "Too slow."),
		"limited":     limited{fault.New(fault.RateLimited, "Rate limit reached").WithCode("rate_limit_exceeded")},
	}
	var log bytes.Buffer
	api := newAPI(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), MaxBody: 64},
		Route{Method: "GET", Path: "/v1/models", Op: "listModels", Scope: actor.ModelsRead, Handle: ok},
		Route{Method: "GET", Path: "/v1/files/{file}", Op: "getFile", Handle: func(_ http.ResponseWriter, r *http.Request) error {
			return fault.New(fault.NotFound, "No such File object: %s", r.PathValue("file")).WithCode("")
		}},
		Route{Method: "POST", Path: "/v1/fail/{how}", Op: "fail", Scope: "chat.write", Handle: func(w http.ResponseWriter, r *http.Request) error {
			if _, err := Decode[struct{}](w, r); err != nil {
				return err
			}
			if r.PathValue("how") == "panic" {
				panic(secret)
			}
			w.Header().Set("Content-Length", "999") // about an answer that never comes
			return failing[r.PathValue("how")]
		}})
	var out strings.Builder
	show := func(name, method, target, body string, header ...string) {
		w := ask(api, method, target, body, header...)
		fmt.Fprintf(&out, "## %s\n%s %s\n%d\n", name, method, target, w.Code)
		for _, h := range []string{"Content-Type", "Allow", "Retry-After", "X-Should-Retry", "Www-Authenticate", "Openai-Organization", "Location", "X-Ratelimit-Limit-Requests"} {
			if v := w.Header().Get(h); v != "" {
				fmt.Fprintf(&out, "%s: %s\n", h, v)
			}
		}
		id := w.Header().Get("X-Request-Id")
		if !strings.HasPrefix(id, "req_") || w.Header().Get("Openai-Version") != "2020-10-01" || w.Header().Get("Openai-Processing-Ms") == "" {
			t.Errorf("%s: the common headers are missing: %v", name, w.Header())
		}
		fmt.Fprintf(&out, "%s\n", strings.ReplaceAll(w.Body.String(), id, "req_ID"))
	}
	show("a good request", "GET", "/v1/models", "")
	show("basic auth", "GET", "/v1/models", "", "Authorization", basic("", "all"))
	show("wrong key", "GET", "/v1/models", "", "Authorization", "Bearer no")
	show("wrong key, a person's browser", "GET", "/v1/models", "", "Authorization", "", "Accept", "text/html", "Sec-Fetch-Mode", "navigate")
	show("missing scope", "POST", "/v1/fail/param", "{}", "Authorization", "Bearer models")
	show("unknown path", "POST", "/v1/foo", "{}")
	show("two slashes", "POST", "/v1//models", "{}")
	show("dots", "GET", "/v1/../models", "")
	show("slash at the end", "GET", "/v1/models/", "")
	show("base URL without /v1", "GET", "/models", "")
	show("wrong method", "POST", "/v1/models", "{}")
	show("options", "OPTIONS", "/v1/models", "")
	show("an escaped absolute path", "GET", "/v1/files/%2Fabs%2Fpath", "")
	show("body over the limit", "POST", "/v1/fail/param", `{"x":"`+strings.Repeat("y", 64)+`"}`)
	show("no body", "POST", "/v1/fail/param", "")
	show("wrong media type", "POST", "/v1/fail/param", "{}", "Content-Type", "application/xml")
	for _, how := range []string{"internal", "notfound", "overloaded", "quota", "unavailable", "wait", "longwait", "param", "conflict", "timeout", "limited", "panic"} {
		show(how, "POST", "/v1/fail/"+how, "{}")
	}
	golden(t, "errors.golden", out.String())
	if strings.Contains(out.String(), "hunter2") {
		t.Error("an internal error's text was shown")
	}
	if !strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "stack=") {
		t.Error("internal errors and panics must be in the log")
	}
	if strings.Contains(log.String(), "Bearer") {
		t.Error("the log holds a secret")
	}
}

// limited is how limits says more than a fault can.
type limited struct{ err *fault.Error }

func (l limited) Error() string   { return l.err.Error() }
func (l limited) Unwrap() error   { return l.err }
func (limited) ErrorType() string { return "tokens" }
func (limited) ErrorHeaders() map[string]string {
	return map[string]string{"Retry-After": "7", "X-RateLimit-Limit-Requests": "60"}
}

func TestCanceledWritesNothing(t *testing.T) {
	api := newAPI(t, Options{}, Route{Method: "GET", Path: "/v1/x", Op: "x", Handle: func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Canceled, "gone")
	}})
	srv := httptest.NewServer(api)
	defer srv.Close()
	req, _ := http.NewRequest("GET", srv.URL+"/v1/x", nil)
	req.Header.Set("Authorization", "Bearer all")
	if resp, err := http.DefaultClient.Do(req); err == nil {
		t.Errorf("got an answer to a canceled request: %s", resp.Status)
	}
}

func TestCSRF(t *testing.T) {
	changed := 0
	api := newAPI(t, Options{},
		Route{Method: "POST", Path: "/api/chats", Op: "createChat", Handle: func(w http.ResponseWriter, r *http.Request) error {
			changed++
			return ok(w, r)
		}},
		Route{Method: "POST", Path: "/api/session", Op: "signIn", Auth: AuthNone, Handle: ok},
		Route{Method: "GET", Path: "/api/chats", Op: "listChats", Handle: ok})
	for _, c := range []struct {
		name, method, path string
		header             []string
		want               int
	}{
		{"own page", "POST", "/api/chats", []string{"Authorization", "", "Cookie", "s=1", "Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, 200},
		{"other site", "POST", "/api/chats", []string{"Authorization", "", "Cookie", "s=1", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, 403},
		{"old browser, other site", "POST", "/api/chats", []string{"Authorization", "", "Cookie", "s=1", "Origin", "https://evil.test"}, 403},
		{"reading is safe", "GET", "/api/chats", []string{"Authorization", "", "Cookie", "s=1", "Sec-Fetch-Site", "cross-site"}, 200},
		{"a key is meant", "POST", "/api/chats", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.test"}, 200},
		{"sign-in by another site", "POST", "/api/session", []string{"Authorization", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, 403},
		{"sign-in by curl", "POST", "/api/session", []string{"Authorization", ""}, 200},
	} {
		if w := ask(api, c.method, c.path, "{}", c.header...); w.Code != c.want {
			t.Errorf("%s: got %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
	}
	behindProxy := newAPI(t, Options{BaseURL: "https://parley.test"}, Route{Method: "POST", Path: "/api/chats", Op: "createChat", Handle: ok})
	if w := ask(behindProxy, "POST", "/api/chats", "{}", "Authorization", "", "Cookie", "s=1", "Origin", "https://parley.test"); w.Code != 200 {
		t.Errorf("own page behind a proxy: %d %s", w.Code, w.Body)
	}
	if _, err := New(Options{BaseURL: "parley.test", Auth: testAuth{}, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a base URL without a scheme was taken")
	}
	if changed != 2 {
		t.Errorf("the handler ran %d times, want 2", changed)
	}
}

func TestOrigins(t *testing.T) {
	route := Route{Method: "POST", Path: "/v1/x", Op: "x", Handle: ok}
	api := newAPI(t, Options{AllowOrigins: []string{"https://app.test"}}, route)
	pre := ask(api, "OPTIONS", "/v1/x", "", "Authorization", "", "Origin", "https://app.test", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,x-stainless-os")
	if pre.Code != 204 || pre.Header().Get("Access-Control-Allow-Origin") != "https://app.test" ||
		pre.Header().Get("Access-Control-Allow-Headers") != "authorization,x-stainless-os" || pre.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight: %d %v", pre.Code, pre.Header())
	}
	if w := ask(api, "POST", "/v1/x", "{}", "Origin", "https://app.test"); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.test" {
		t.Errorf("allowed origin: %d %v", w.Code, w.Header())
	}
	if w := ask(api, "POST", "/v1/x", "{}", "Origin", "https://other.test"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin was allowed: %v", w.Header())
	}
	if w := ask(newAPI(t, Options{}, route), "POST", "/v1/x", "{}", "Origin", "https://app.test"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("origins are off by default")
	}
	if w := ask(newAPI(t, Options{AllowOrigins: []string{"*"}}, route), "POST", "/v1/x", "{}", "Origin", "https://any.test"); w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("star: %v", w.Header())
	}
	every := newAPI(t, Options{AllowOrigins: []string{"*"}}, append(SystemRoutes(nil, nil), route)...)
	if w := ask(every, "GET", "/readyz", "", "Origin", "https://any.test"); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("outside of /v1: %v", w.Header())
	}
	for _, path := range []string{"/v1/x", "/v1/none"} {
		w := ask(every, "POST", path, "{}", "Authorization", "", "Origin", "https://any.test")
		if w.Code < 400 || w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), "x-request-id") {
			t.Errorf("an error for another origin: %d %v", w.Code, w.Header())
		}
	}
}

func TestOtherPathsAreTheWebApps(t *testing.T) {
	web := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") })
	api := newAPI(t, Options{Other: web}, Route{Method: "GET", Path: "/v1/x", Op: "x", Handle: ok})
	for path, want := range map[string]int{"/": 200, "/chats/chat_1": 200, "/v1/none": 404, "/api/none": 404, "/a//b": 404} {
		if w := ask(api, "GET", path, "", "Authorization", ""); w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
	}
	// Clients whose base URL lacks /v1 are told so, and get no page.
	for _, method := range []string{"GET", "POST"} {
		if w := ask(api, method, "/x", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "Perhaps you meant /v1/x") {
			t.Errorf("%s without /v1: %d %s", method, w.Code, w.Body)
		}
	}
	if w := ask(api, "POST", "/", "{}", "Authorization", ""); w.Code != 404 {
		t.Errorf("posting to a page: %d", w.Code)
	}
}

func TestNewRefusesBadTables(t *testing.T) {
	good := Route{Method: "GET", Path: "/v1/x", Op: "x", Handle: ok}
	for name, routes := range map[string][]Route{
		"same op":          {good, {Method: "GET", Path: "/v1/y", Op: "x", Handle: ok}},
		"same path":        {good, {Method: "GET", Path: "/v1/x", Op: "y", Handle: ok}},
		"no handler":       {{Method: "GET", Path: "/v1/x", Op: "x"}},
		"bad pattern":      {{Method: "GET", Path: "/v1/{", Op: "x", Handle: ok}},
		"wildcards differ": {{Method: "GET", Path: "/v1/{a}", Op: "x", Handle: ok}, {Method: "DELETE", Path: "/v1/{b}", Op: "y", Handle: ok}},
	} {
		if _, err := New(Options{Routes: routes, Auth: testAuth{}, Logger: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// counting is a Metrics that remembers.
type counting struct{ log []string }

func (c *counting) RequestStarted(op string) { c.log = append(c.log, "start "+op) }
func (c *counting) RequestDone(op string, status int, _ time.Duration, bytes int64, streamed bool) {
	c.log = append(c.log, fmt.Sprintf("done %s %d %d %t", op, status, bytes, streamed))
}

func TestMetricsAndContext(t *testing.T) {
	m := &counting{}
	var got string
	api := newAPI(t, Options{Metrics: m}, Route{Method: "GET", Path: "/v1/x", Op: "x", Scope: actor.ModelsRead, Handle: func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		got = ActorOf(ctx).Org + " " + RouteOf(ctx).Op + " " + RequestID(ctx)[:4]
		if Started(ctx).IsZero() {
			t.Error("no time of arrival")
		}
		return ok(w, r)
	}})
	ask(api, "GET", "/v1/x", "")
	ask(api, "GET", "/v1/x", "", "Authorization", "Bearer no")
	ask(api, "GET", "/v1/none", "")
	ask(api, "HEAD", "/v1/x", "")
	if got != "org-1 x req_" {
		t.Errorf("context carries %q", got)
	}
	want := "start x; done x 200 13 false; start x; done x 401 121 false; start x; done x 200 13 false"
	if s := strings.Join(m.log, "; "); s != want {
		t.Errorf("metrics saw\n%s, want\n%s", s, want)
	}
	if ActorOf(t.Context()).Org != "" || RequestID(t.Context()) != "" || RouteOf(t.Context()) != nil {
		t.Error("outside a request there is nothing to tell")
	}
}

// TestLongMessagesAreCut: a message that repeats megabytes of a request keeps its beginning and its end.
func TestLongMessagesAreCut(t *testing.T) {
	long := "Unknown name: " + strings.Repeat("한", 100_000) + ". Send another."
	_, body := Describe(fault.Param(long, "%s", long), "req_1")
	for _, got := range []string{body.Error.Message, *body.Error.Param} {
		if len(got) > 2100 || !utf8.ValidString(got) || !strings.HasPrefix(got, "Unknown name: 한") || !strings.HasSuffix(got, "한. Send another.") {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	}
}

// Texts that PostgreSQL refuses never reach the database: a path with one is unknown, and a query with one is refused.
func TestTextsThatCannotBeNames(t *testing.T) {
	api := newAPI(t, Options{}, Route{Method: "GET", Path: "/v1/things/{thing}", Op: "getThing", Handle: func(w http.ResponseWriter, r *http.Request) error {
		if _, err := Query[struct {
			Name string   `query:"name"`
			Tags []string `query:"tag"`
		}](r); err != nil {
			return err
		}
		return JSON(w, http.StatusOK, true)
	}})
	for path, status := range map[string]int{"/v1/things/a": 200, "/v1/things/%ea%b5%ad": 200, "/v1/things/a%00": 404, "/v1/things/%ff": 404} {
		if w := ask(api, "GET", path, ""); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for query, status := range map[string]int{"name=x&tag=a&tag=b": 200, "name=x%00": 400, "tag=b&tag=%ff": 400, "other=%00": 200} {
		if w := ask(api, "GET", "/v1/things/a?"+query, ""); w.Code != status {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// TestLongPathsInTheLog: a line of the log has the beginning of a path, in whole characters.
func TestLongPathsInTheLog(t *testing.T) {
	var log bytes.Buffer
	api := newAPI(t, Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))},
		Route{Method: "GET", Path: "/v1/models/{model...}", Op: "getModel", Scope: actor.ModelsRead, Handle: ok})
	ask(api, "GET", "/v1/models/"+strings.Repeat("가", 20_000), "")
	var line struct{ Path string }
	if err := json.Unmarshal(bytes.SplitN(log.Bytes(), []byte("\n"), 2)[0], &line); err != nil {
		t.Fatal(err)
	}
	if want := "/v1/models/" + strings.Repeat("가", 81); line.Path != want || log.Len() > 1000 {
		t.Errorf("%d bytes of a path in a line of %d: %.60s…", len(line.Path), log.Len(), line.Path)
	}
}

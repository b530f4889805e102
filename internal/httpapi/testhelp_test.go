package httpapi

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// testAuth knows two keys and one cookie.
type testAuth struct{}

func (testAuth) Authenticate(r *http.Request) (actor.Actor, error) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, pw, ok := r.BasicAuth(); ok {
		key = pw
	}
	act := actor.Actor{Org: "org-1", OrgName: "acme", Project: "proj_1", User: "user-1"}
	switch cookie, _ := r.Cookie("s"); {
	case key == "all":
		act.Key, act.Scopes = "key_1", []string{actor.All}
	case key == "models":
		act.Key, act.Scopes = "key_2", []string{actor.ModelsRead}
	case key == "" && cookie != nil:
		act.Session, act.Scopes = "sess_1", []string{actor.All}
	default:
		return act, fault.New(fault.Unauthorized, "Incorrect API key provided.").WithCode("invalid_api_key")
	}
	return act, nil
}

// newAPI serves the routes with the test's authenticator and a silent log.
func newAPI(t testing.TB, opts Options, routes ...Route) *API {
	t.Helper()
	opts.Routes = append(opts.Routes, routes...)
	opts.Auth = testAuth{}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	api, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// ask sends one request with the key that may do everything.
func ask(api http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer all")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

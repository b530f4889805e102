package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

type world struct {
	*Service
	db    *store.DB
	clock *clock.Fake
	owner actor.Actor
}

func start(t testing.TB, db *store.DB) *world {
	t.Helper()
	clk := clock.NewFake(time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC))
	s := New(db, clk, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	in, err := s.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &world{Service: s, db: db, clock: clk, owner: in.Owner}
}

// signIn uses a link up, as package signin does.
func (w *world) signIn(ctx context.Context, token string) (session Session, err error) {
	err = w.db.Tx(ctx, func(tx *store.Tx) error {
		b, err := w.UseLink(ctx, tx, token)
		if err != nil {
			return err
		}
		session, err = w.BeginSession(ctx, tx, b)
		return err
	})
	return session, err
}

func (w *world) key(t testing.TB, scopes ...string) (string, Key) {
	t.Helper()
	secret, k, err := w.CreateKey(t.Context(), w.owner, NewKey{Name: "test", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return secret, k
}

func bearer(secret string, header ...string) *http.Request {
	r := httptest.NewRequest("GET", "/v1/models", nil)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestBootstrapHappensOnce(t *testing.T) {
	storetest.RunURL(t, func(t *testing.T, url string) {
		a := storetest.Open(t, url, store.Options{})
		var wg sync.WaitGroup
		got := make([]Installation, 4)
		for i := range got {
			wg.Go(func() {
				s := New(a, clock.System, slog.New(slog.DiscardHandler))
				defer func() { _ = s.Close(context.Background()) }() // nothing was used: nothing to write
				in, err := s.Bootstrap(context.Background())
				if err != nil {
					t.Error(err)
				}
				got[i] = in
			})
		}
		wg.Wait()
		first := 0
		for _, in := range got {
			if in.First {
				first++
			}
			if in.Owner.Org == "" || in.Owner.Org != got[0].Owner.Org || in.Owner.User != got[0].Owner.User || !in.Owner.May("anything.at-all") {
				t.Errorf("owners differ: %+v and %+v", in.Owner, got[0].Owner)
			}
		}
		if first != 1 {
			t.Errorf("%d of 4 made the installation", first)
		}
	})
}

func TestKeys(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		secret, k := w.key(t)
		if !strings.HasPrefix(secret, "sk-") || len(secret) != 51 || strings.Contains(k.Redacted, secret[6:40]) {
			t.Errorf("secret %q, shown as %q", secret, k.Redacted)
		}
		var hash string
		if err := db.Read().QueryRow(ctx, `SELECT hash FROM api_keys`).Scan(&hash); err != nil || strings.Contains(hash, secret[3:]) || len(hash) != 64 {
			t.Errorf("at rest: %q %v", hash, err)
		}
		who, err := w.Authenticate(bearer(secret))
		if err != nil || who.Key != k.ID || who.Org != w.owner.Org || who.Project != w.owner.Project || who.OrgName != "personal" || !who.May("x.y") {
			t.Fatalf("Authenticate: %+v %v", who, err)
		}
		keys, more, err := w.ListKeys(ctx, who, store.Paging{})
		if err != nil || more || len(keys) != 1 || keys[0].LastUsed.IsZero() || keys[0].Name != "test" {
			t.Fatalf("ListKeys: %+v %v %v", keys, more, err)
		}
		if err := errors.Join(w.Stands(ctx, who), w.Stands(ctx, w.owner)); err != nil {
			t.Errorf("while they stand: %v", err)
		}
		gone := w.owner
		gone.User = "user-gone"
		if err := w.Stands(ctx, gone); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("who is no member: %v", err)
		}
		stranger := who
		stranger.Project = "proj_other"
		if err := w.RevokeKey(ctx, stranger, k.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another project's key: %v", err)
		}
		if keys, _, err := w.ListKeys(ctx, stranger, store.Paging{}); err != nil || len(keys) != 0 {
			t.Errorf("another project sees %v %v", keys, err)
		}
		if err := w.RevokeKey(ctx, who, k.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Authenticate(bearer(secret)); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("a revoked key: %v", err)
		}
		if err := w.Stands(ctx, who); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("what a revoked key has begun: %v", err)
		}
		for _, id := range []string{k.ID, "key_none", "nonsense'; --", ""} {
			if err := w.RevokeKey(ctx, who, id); fault.KindOf(err) != fault.NotFound {
				t.Errorf("revoking %q: %v", id, err)
			}
		}
	})
}

// TestRevokedElsewhere: another process revokes; here the key stops within a second.
func TestRevokedElsewhere(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	secret, k := w.key(t)
	if _, err := w.Authenticate(bearer(secret)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), `UPDATE api_keys SET revoked_at = 1 WHERE id = $1`, k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Authenticate(bearer(secret)); err != nil {
		t.Errorf("within the second it is answered from memory: %v", err)
	}
	w.clock.Advance(time.Second)
	if _, err := w.Authenticate(bearer(secret)); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("a second later: %v", err)
	}
}

func TestScopes(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	secret, _ := w.key(t, "chat.*", "keys.write")
	who, err := w.Authenticate(bearer(secret))
	if err != nil || !who.May(actor.ChatWrite) || who.May(actor.EmbeddingsWrite) {
		t.Fatalf("%+v %v", who, err)
	}
	for scope, want := range map[string]fault.Kind{"chat.write": -1, "chat.*": -1, "*": fault.Forbidden, "models.read": fault.Forbidden, "models.*": fault.Forbidden,
		"": fault.Invalid, "Chat.Write": fault.Invalid, "chat": fault.Invalid, "a.b.c": fault.Invalid, strings.Repeat("x", 99) + ".y": fault.Invalid} {
		_, _, err := w.CreateKey(t.Context(), who, NewKey{Name: "n", Scopes: []string{scope}})
		if (err == nil) != (want == -1) || err != nil && fault.KindOf(err) != want {
			t.Errorf("a key with %q: %v", scope, err)
		}
	}
	_, k, err := w.CreateKey(t.Context(), who, NewKey{Name: " \x00 name\x00 "})
	if err != nil || k.Name != "name" || fmt.Sprint(k.Scopes) != "[chat.* keys.write]" {
		t.Errorf("inherits: %+v %v", k, err)
	}
	if _, _, err := w.CreateKey(t.Context(), who, NewKey{Name: strings.Repeat("é", 101)}); fault.As(err) == nil || fault.As(err).Param != "name" {
		t.Errorf("long name: %v", err)
	}
}

func TestAuthenticateForms(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	secret, _ := w.key(t)
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, header := range map[string]string{"bearer": "Bearer " + secret, "small letters": "bearer " + secret, "spaces": "Bearer  " + secret + " ",
		"curl -u :KEY": basic("", secret), "curl -u KEY:": basic(secret, ""), "any user": basic("me", secret)} {
		if _, err := w.Authenticate(bearer("", "Authorization", header)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const none = "You didn't provide an API key."
	for name, c := range map[string][2]string{
		"nothing": {"", none}, "empty bearer": {"Bearer ", none}, "empty basic": {basic("", ""), none}, "no scheme": {secret, none}, "garbage": {"Basic !!", none},
		"wrong":  {"Bearer sk-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL", "Incorrect API key provided: sk-abcde***************************************IJKL."},
		"short":  {"Bearer dummy", "Incorrect API key provided: du***."},
		"one":    {"Bearer x", "Incorrect API key provided: *."},
		"binary": {"Bearer \x01é\xff" + strings.Repeat("y", 9), "Incorrect API key provided: ???*********."},
		"huge":   {"Bearer " + strings.Repeat("z", 5000), "Incorrect API key provided: zzzzzzzz****************************************zzzz."},
	} {
		_, err := w.Authenticate(bearer("", "Authorization", c[0]))
		if fault.KindOf(err) != fault.Unauthorized || !strings.HasPrefix(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct{ name, header, value, code string }{
		{"own organization", "OpenAI-Organization", w.owner.Org, ""},
		{"own organization by name", "OpenAI-Organization", "personal", ""},
		{"another organization", "OpenAI-Organization", "org-other", "invalid_organization"},
		{"own project", "OpenAI-Project", w.owner.Project, ""},
		{"another project", "OpenAI-Project", "proj_other", "mismatched_project"},
	} {
		_, err := w.Authenticate(bearer(secret, c.header, c.value))
		code := ""
		if fe := fault.As(err); fe != nil {
			code = fe.Code
		}
		if code != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for sent, want := range map[string]string{"org-ikDc4ex8NB": "No such organization: org-ikDc4ex8NB.", "sk-abcdefgh": "No such organization: sk-********.", "org\té": "No such organization: org??."} {
		if _, err := w.Authenticate(bearer(secret, "OpenAI-Organization", sent)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("organization %q: %v", sent, err)
		}
	}
}

// TestDatabaseDown: an unreachable database must not look like a wrong key.
func TestDatabaseDown(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Authenticate(bearer("sk-any").WithContext(ctx)); err == nil || fault.KindOf(err) == fault.Unauthorized {
		t.Errorf("a query that failed became %v", err)
	}
}

func TestSessions(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		api, err := httpapi.New(httpapi.Options{Routes: w.Routes(), Auth: w, Logger: slog.New(slog.DiscardHandler), Clock: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(method, path, body, cookie string, want int) *httptest.ResponseRecorder {
			t.Helper()
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			if cookie != "" {
				r.AddCookie(&http.Cookie{Name: Cookie, Value: cookie})
			}
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, r)
			if rec.Code != want {
				t.Errorf("%s %s: %d, want %d: %s", method, path, rec.Code, want, rec.Body)
			}
			return rec
		}
		token, err := w.SignInLink(t.Context(), w.owner)
		if err != nil {
			t.Fatal(err)
		}
		began, err := w.signIn(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		rec := ask("GET", "/api/session", "", began.Secret, 200)
		cookie := rec.Result().Cookies()[0]
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.MaxAge != 30*24*3600 || cookie.Path != "/" {
			t.Errorf("cookie: %+v", cookie)
		}
		if !strings.Contains(rec.Body.String(), `"name":"Owner"`) || !strings.Contains(rec.Body.String(), w.owner.Org) || strings.Contains(rec.Body.String(), cookie.Value) {
			t.Errorf("session: %s", rec.Body)
		}
		for _, bad := range []string{token, "nonsense"} { // once, and never
			if _, err := w.signIn(t.Context(), bad); fault.KindOf(err) != fault.Unauthorized {
				t.Errorf("%s: %v", bad, err)
			}
		}
		ask("GET", "/api/session", "", "", 401)
		ask("GET", "/api/session", "", "wrong", 401)
		if again := ask("GET", "/api/session", "", cookie.Value, 200); len(again.Result().Cookies()) != 1 {
			t.Error("the cookie does not slide")
		}
		made := ask("POST", "/api/keys", `{"name":"from the browser"}`, cookie.Value, 200)
		if !strings.Contains(made.Body.String(), `"secret":"sk-`) {
			t.Errorf("key: %s", made.Body)
		}
		list := ask("GET", "/api/keys", "", cookie.Value, 200).Body.String()
		if !strings.Contains(list, "from the browser") || strings.Contains(list, "secret") {
			t.Errorf("keys: %s", list)
		}
		ask("GET", "/api/keys?after=key_none", "", cookie.Value, 400)
		ask("DELETE", "/api/keys/key_none", "", cookie.Value, 404)

		// Used every 20 days it lives on; 30 days unused end it.
		for range 3 {
			w.clock.Advance(20 * 24 * time.Hour)
			ask("GET", "/api/session", "", cookie.Value, 200)
			if err := w.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Advance(SessionLifetime)
		ask("GET", "/api/session", "", cookie.Value, 401)

		token, err = w.SignInLink(t.Context(), w.owner)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(LinkLifetime)
		if _, err := w.signIn(t.Context(), token); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("an expired link: %v", err)
		}

		session := func() Session {
			t.Helper()
			token, err := w.SignInLink(t.Context(), w.owner)
			if err != nil {
				t.Fatal(err)
			}
			s, err := w.signIn(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		one, two := session(), session()
		ask("GET", "/api/session", "", one.Secret, 200)
		ask("DELETE", "/api/session", "", one.Secret, 200)
		ask("GET", "/api/session", "", one.Secret, 401)
		ask("GET", "/api/session", "", two.Secret, 200)

		// A session's secret is not a key, and a key not a session.
		secret, _ := w.key(t)
		ask("GET", "/api/session", "", secret, 401)
		ask("GET", "/api/session", "", secret, 401)
		if _, err := w.Authenticate(bearer(two.Secret)); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("a session as a key: %v", err)
		}
		if _, err := w.Authenticate(bearer(secret)); err != nil {
			t.Errorf("the key: %v", err)
		}
		ask("GET", "/api/session", "", secret, 401) // also when it is remembered
	})
}

func TestSecureCookieBehindTLS(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	began, err := w.SignInLink(t.Context(), w.owner)
	if err != nil {
		t.Fatal(err)
	}
	session, err := w.signIn(t.Context(), began)
	if err != nil {
		t.Fatal(err)
	}
	w.Page = func() string { return "https://parley.example.com" }
	for name, tls := range map[string]func(r *http.Request){
		"a proxy's claim": func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") },
		"the base URL":    func(r *http.Request) { r.Host = "parley.example.com" },
	} {
		r := httptest.NewRequest("GET", "/", nil)
		tls(r)
		rec := httptest.NewRecorder()
		w.SetCookie(rec, r, session.Secret)
		c := rec.Result().Cookies()[0]
		if !c.Secure || c.Name != SecureCookie || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %+v", name, c)
		}
		r.AddCookie(&http.Cookie{Name: Cookie, Value: session.Secret}) // as a neighbour under the same domain could set it
		if who, err := w.Visitor(r); err != nil || who.User != "" {
			t.Errorf("%s: the plain cookie is taken behind TLS: %+v %v", name, who, err)
		}
		r.AddCookie(&http.Cookie{Name: SecureCookie, Value: session.Secret})
		if who, err := w.Visitor(r); err != nil || who.User != w.owner.User {
			t.Errorf("%s: %+v %v", name, who, err)
		}
	}
	if _, err := w.SignInLink(t.Context(), actor.Actor{Org: w.owner.Org}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a link for nobody: %v", err)
	}
	if err := w.SignOut(t.Context(), actor.Actor{Key: "key_1"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("signing a key out: %v", err)
	}
}

func TestForgetsTheUnused(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	secret, _ := w.key(t)
	if _, err := w.Authenticate(bearer(secret)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(forget + time.Second)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.seen); n != 0 {
		t.Errorf("%d entries are remembered for ever", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	secret, _ := w.key(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if _, err := w.Authenticate(bearer(secret)); err != nil {
					t.Error(err)
					return
				}
				w.clock.Advance(50 * time.Millisecond)
			}
		})
	}
	for range 5 {
		if err := w.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func BenchmarkAuthenticate(b *testing.B) {
	db := storetest.Open(b, storetest.SQLite(b), store.Options{})
	s := New(db, clock.System, slog.New(slog.DiscardHandler))
	defer func() { _ = s.Close(context.Background()) }() // the benchmark is over
	in, err := s.Bootstrap(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	secret, _, err := s.CreateKey(b.Context(), in.Owner, NewKey{Name: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	r := bearer(secret)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAudited: making and revoking a key, signing in and out leave their lines; none holds a secret.
func TestAudited(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		secret, k := w.key(t, "chat.*")
		if err := w.RevokeKey(t.Context(), w.owner, k.ID); err != nil {
			t.Fatal(err)
		}
		token, err := w.SignInLink(t.Context(), w.owner)
		if err != nil {
			t.Fatal(err)
		}
		session, err := w.signIn(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SignOut(t.Context(), session.Actor); err != nil {
			t.Fatal(err)
		}
		got := map[string]audit.Line{}
		all := ""
		err = audit.New(db, w.clock).Export(t.Context(), w.owner, audit.Filter{}, func(l audit.Line) error {
			got[l.Type] = l
			all += fmt.Sprintf("%+v %s %s", l, l.Before, l.After)
			return nil
		})
		if err != nil || len(got) != 4 {
			t.Fatalf("%v %v", err, got)
		}
		if l := got[audit.KeyCreated]; l.Object != k.ID || l.User != w.owner.User || !strings.Contains(string(l.After), `"scopes":["chat.*"]`) || l.Before != nil {
			t.Errorf("%+v", l)
		}
		if l := got[audit.KeyDeleted]; l.Object != k.ID || !strings.Contains(string(l.Before), `"name":"test"`) || l.After != nil {
			t.Errorf("%+v", l)
		}
		if l := got[audit.SignedIn]; l.Session != session.Actor.Session || got[audit.SignedOut].Session != session.Actor.Session {
			t.Errorf("%+v", l)
		}
		for _, s := range []string{secret, token, session.Secret, sum(secret).String()} {
			if strings.Contains(all, s) {
				t.Errorf("a secret is in the log: %s", all)
			}
		}
	})
}

package sso

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// site is a server with single sign-on, and its provider.
type site struct {
	t        *testing.T
	db       *store.DB
	ids      *identity.Service
	sso      *Service
	api      *httpapi.API
	provider *fakeProvider
	clock    *moving
	owner    actor.Actor // of the first organization
	log      *bytes.Buffer
}

// moving is the machine's clock, ahead by what a test asks for: tokens have real times.
type moving struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (m *moving) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Add(m.ahead)
}

func (m *moving) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += d
}

var _ clock.Clock = (*moving)(nil)

func newSite(t *testing.T, db *store.DB, change func(*Config)) *site {
	t.Helper()
	f := &site{t: t, db: db, provider: newFakeProvider(t), clock: &moving{}, log: &bytes.Buffer{}}
	logger := slog.New(slog.NewTextHandler(f.log, nil))
	f.ids = identity.New(db, f.clock, logger)
	f.ids.Page = func() string { return "http://parley.example.com" }
	t.Cleanup(func() { _ = f.ids.Close(context.Background()) })
	in, err := f.ids.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.owner = in.Owner
	seal, err := secrets.Open(t.Context(), secrets.Options{DB: db, Home: t.TempDir(), Clock: f.clock, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Issuer: f.provider.URL, ClientID: clientID, ClientSecret: clientSecret, Name: "Company", GroupsClaim: "groups"}
	if change != nil {
		change(&cfg)
	}
	f.sso = New(Options{Config: cfg, DB: db, Identity: f.ids, Clock: f.clock, Logger: logger, Seal: seal, Confirm: func(_ context.Context, _ actor.Actor, password string) error {
		if password != "right" {
			return fault.New(fault.Unauthorized, "wrong")
		}
		return nil
	}})
	if f.api, err = httpapi.New(httpapi.Options{Routes: append(f.ids.Routes(), f.sso.Routes()...), Auth: f.ids, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	return f
}

// browser keeps cookies as a browser does.
type browser struct {
	*site
	cookies map[string]string
}

func (f *site) browser() *browser { return &browser{f, map[string]string{}} }

func (b *browser) do(method, address, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for name, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	rec := httptest.NewRecorder()
	b.api.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return rec
}

// come signs in and returns where the browser ends.
func (b *browser) come(next string) string {
	b.t.Helper()
	return b.finish(b.start(next))
}

func (b *browser) start(next string) string {
	b.t.Helper()
	rec := b.do(http.MethodGet, "/signin/sso?next="+url.QueryEscape(next), "")
	if rec.Code != http.StatusSeeOther {
		b.t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Header().Get("Location")
}

func (b *browser) finish(address string) string {
	b.t.Helper()
	return b.follow(b.provider.authorize(b.t, address))
}

func (b *browser) follow(back string) string {
	b.t.Helper()
	u, err := url.Parse(back)
	if err != nil {
		b.t.Fatal(err)
	}
	rec := b.do(http.MethodGet, u.RequestURI(), "")
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Referrer-Policy") != "no-referrer" || rec.Header().Get("Cache-Control") != "no-store" {
		b.t.Fatalf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	return rec.Header().Get("Location")
}

// me is who the browser is signed in as; empty roles: nobody.
func (b *browser) me() (out identity.SessionInfo) {
	b.t.Helper()
	rec := b.do(http.MethodGet, "/api/session", "")
	if rec.Code == http.StatusOK {
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
			b.t.Fatal(err)
		}
	}
	return out
}

func ann() map[string]any {
	return map[string]any{"sub": "ann-1", "email": "Ann@Example.com", "email_verified": true, "name": "Ann", "groups": []string{"staff"}}
}

// run runs a test on both databases.
func run(t *testing.T, change func(*Config), f func(t *testing.T, s *site)) {
	storetest.Run(t, func(t *testing.T, db *store.DB) { f(t, newSite(t, db, change)) })
}

func (f *site) invite(email, role string) {
	f.t.Helper()
	if _, _, err := f.ids.Invite(f.t.Context(), f.owner, email, role, nil); err != nil {
		f.t.Fatal(err)
	}
}

func (f *site) mapping(who actor.Actor, group, role string, projects ...identity.ProjectRole) Mapping {
	f.t.Helper()
	m, err := f.sso.CreateMapping(f.t.Context(), who, Mapping{Group: group, Role: role, Projects: projects})
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// TestInvited: who was invited comes in with what the invitation gives, and is known by issuer and subject from
// then on, also under another address.
func TestInvited(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		f.provider.is(ann())
		b := f.browser()
		if at := b.come("/console/usage"); at != "/signin?next=%2Fconsole%2Fusage&sso_error=sso_not_invited" || b.me().Role != "" {
			t.Fatalf("%s %+v", at, b.me())
		}
		f.invite("ann@example.com", actor.Admin)
		if at := b.come("/console/usage?x=1"); at != "/console/usage?x=1" {
			t.Fatalf("%s\n%s", at, f.log)
		}
		me := b.me()
		if me.Role != actor.Admin || me.User.Name != "Ann" || me.Organization.ID != f.owner.Org {
			t.Errorf("%+v", me)
		}
		if _, left := b.cookies[cookieName]; left {
			t.Error("the flow's cookie is still there")
		}
		for _, alg := range []string{"ES256", "RS256"} {
			f.provider.alg = alg
			moved := ann()
			moved["email"], moved["email_verified"] = "ann@elsewhere.example", false
			f.provider.is(moved)
			again := f.browser()
			if at := again.come(""); at != "/" || again.me().User.ID != me.User.ID {
				t.Errorf("%s: %s %+v", alg, at, again.me())
			}
		}
	})
}

// TestForgedTokens: nothing but an ID token of the provider for this flow signs anybody in.
func TestForgedTokens(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create = true })
	f.provider.is(ann())
	for name, c := range map[string]struct {
		alg    string
		change func(map[string]any)
	}{
		"alg none":               {alg: "none"},
		"symmetric algorithm":    {alg: "HS256"},
		"a key of nobody":        {alg: "stranger"},
		"nonce of another flow":  {change: func(c map[string]any) { c["nonce"] = "another" }},
		"no nonce":               {change: func(c map[string]any) { delete(c, "nonce") }},
		"for another client":     {change: func(c map[string]any) { c["aud"] = "somebody" }},
		"authorized for another": {change: func(c map[string]any) { c["aud"] = []string{"somebody", clientID}; c["azp"] = "somebody" }},
		"by another issuer":      {change: func(c map[string]any) { c["iss"] = "https://evil.example" }},
		"over":                   {change: func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }},
		"no subject":             {change: func(c map[string]any) { delete(c, "sub") }},
		"a wrong access token":   {change: func(c map[string]any) { c["at_hash"] = "AAAA" }},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.provider.alg, f.provider.change = "RS256", c.change
			if c.alg != "" {
				f.provider.alg = c.alg
			}
			b := f.browser()
			if at := b.come(""); at != "/signin?sso_error=sso_token" || b.me().Role != "" {
				t.Errorf("%s %+v", at, b.me())
			}
		})
	}
	f.t, f.provider.alg, f.provider.change = t, "RS256", nil
	if b := f.browser(); b.come("") != "/" || b.me().Role != actor.Member {
		t.Errorf("an honest token: %+v\n%s", b.me(), f.log)
	}
	if strings.Contains(f.log.String(), clientSecret) || strings.Contains(f.log.String(), "eyJ") {
		t.Errorf("a secret is in the log: %s", f.log)
	}
}

// TestFlow: a flow ends in the browser that began it, in time, with its own state, once.
func TestFlow(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create = true })
	f.provider.is(ann())
	refused := func(name string, b *browser, back string) {
		t.Helper()
		if at := b.follow(back); !strings.Contains(at, "sso_error=sso_state") || b.me().Role != "" {
			t.Errorf("%s: %s %+v", name, at, b.me())
		}
	}
	victim, attacker := f.browser(), f.browser()
	address := attacker.start("")
	refused("another browser", victim, f.provider.authorize(t, address))
	victim.start("")
	refused("a flow of another browser", victim, f.provider.authorize(t, address))
	if f.provider.asked != 0 {
		t.Errorf("the provider was asked %d times", f.provider.asked)
	}

	late := f.browser()
	address = late.start("")
	f.clock.advance(flowLifetime)
	refused("too late", late, f.provider.authorize(t, address))

	forged := f.browser()
	forged.start("")
	forged.cookies[cookieName] = forged.cookies[cookieName][:40] + "AAAA" + forged.cookies[cookieName][44:]
	refused("a changed cookie", forged, "http://parley.example.com/signin/sso/callback?code=x&state=")
	forged.cookies[cookieName] = "%%%"
	refused("no cookie of ours", forged, "http://parley.example.com/signin/sso/callback?code=x&state=")

	f.clock.advance(-flowLifetime)
	b := f.browser()
	back := f.provider.authorize(t, b.start(""))
	kept := b.cookies[cookieName]
	if at := b.follow(back); at != "/" || b.me().Role == "" {
		t.Fatalf("%s", at)
	}
	again := f.browser()
	refused("replayed", again, back)
	again.cookies[cookieName] = kept
	if at := again.follow(back); at != "/signin?sso_error=sso_token" || again.me().Role != "" {
		t.Errorf("a code used twice: %s", at)
	}
	other := f.browser()
	u, _ := url.Parse(f.provider.authorize(t, other.start("")))
	q := u.Query()
	q.Set("iss", "https://evil.example")
	u.RawQuery = q.Encode()
	if at := other.follow(u.String()); at != "/signin?sso_error=sso_token" {
		t.Errorf("an answer by another issuer: %s", at)
	}
	no := f.browser()
	no.start("/chat")
	state, _ := url.Parse(no.start("/chat"))
	if at := no.follow("http://parley.example.com/signin/sso/callback?error=access_denied&state=" + state.Query().Get("state")); at != "/signin?next=%2Fchat&sso_error=sso_denied" {
		t.Errorf("refused by the provider: %s", at)
	}
}

// TestNewSession: signing in makes a new session and ends the one that the browser came with.
func TestNewSession(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create = true })
	f.provider.is(ann())
	b := f.browser()
	b.come("")
	before := b.cookies[identity.Cookie]
	b.come("")
	if before == "" || b.cookies[identity.Cookie] == before {
		t.Error("the session is the one of before")
	}
	old := f.browser()
	old.cookies[identity.Cookie] = before
	if old.me().Role != "" {
		t.Error("the session of before still counts")
	}
}

// TestOpenRedirect: the browser ends at a path of this server, whatever was asked for.
func TestOpenRedirect(t *testing.T) {
	for next, want := range map[string]string{
		"/chat/1?a=b#c": "/chat/1?a=b#c", "": "/", "https://evil.example": "/", "//evil.example": "/", "/\\evil.example": "/", "\\\\evil.example": "/", "javascript:alert(1)": "/",
		"/\t/evil.example": "/", "/\n/evil.example": "/", "evil.example": "/", "///evil.example": "/", "/%2F/evil.example": "/", "//user@evil.example/": "/", "/signin/sso?next=/": "/",
		"/api/session": "/", " /x": "/", "/%5Cevil.example": "/%5Cevil.example", "http:/evil.example": "/", "/" + strings.Repeat("x", 3000): "/",
	} {
		if got := local(next); got != want {
			t.Errorf("%q: %q, want %q", next, got, want)
		}
	}
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create = true })
	f.provider.is(ann())
	if at := f.browser().come("//evil.example/x"); at != "/" {
		t.Error(at)
	}
}

// FuzzLocal: whatever was asked for, the browser stays on this server.
func FuzzLocal(f *testing.F) {
	for _, s := range []string{"/x", "//x", "/\\x", "https://x", "/%09/x", "/a?b#c"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://parley.example.com/signin/sso/callback")
	f.Fuzz(func(t *testing.T, next string) {
		got := local(next)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || len(got) > 1 && (got[1] == '/' || got[1] == '\\') {
			t.Errorf("%q leads to %q", next, got)
		}
	})
}

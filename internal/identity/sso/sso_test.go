package sso

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// TestAddress: an address links to an account when the provider verified it, and what was prepared there ends.
func TestAddress(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		f.invite("ann@example.com", actor.Member)
		token, _, err := f.ids.Invite(t.Context(), f.owner, "bob@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := f.ids.Accept(t.Context(), token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), `INSERT INTO passwords (user_id, hash, changed_at) VALUES ($1, 'x', 1)`, prepared.Actor.User); err != nil {
			t.Fatal(err)
		}
		bob := map[string]any{"sub": "bob-1", "email": "bob@example.com", "name": "Bob"}
		for _, verified := range []any{nil, false, "false", 1, "yes"} {
			bob["email_verified"] = verified
			f.provider.is(bob)
			if b := f.browser(); b.come("") != "/signin?sso_error=sso_email" || b.me().Role != "" {
				t.Errorf("email_verified %v: %+v", verified, b.me())
			}
		}
		bob["email_verified"] = "true"
		f.provider.is(bob)
		b := f.browser()
		if at := b.come(""); at != "/" || b.me().User.ID != prepared.Actor.User {
			t.Fatalf("%s %+v", at, b.me())
		}
		old := f.browser()
		old.cookies[identity.Cookie] = prepared.Secret
		var passwords int
		if err := f.db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM passwords`).Scan(&passwords); err != nil || passwords != 0 || old.me().Role != "" {
			t.Errorf("%d passwords, %+v, %v", passwords, old.me(), err)
		}
	})
}

// TestDomains: people of other domains stay out, known or not.
func TestDomains(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create, c.Domains = true, []string{"example.com"} })
	for email, want := range map[string]string{"ann@example.com": "/", "ann@EXAMPLE.COM": "/", "ann@example.com.evil.example": "/signin?sso_error=sso_domain", "evil.example": "/signin?sso_error=sso_domain", "": "/signin?sso_error=sso_domain"} {
		c := ann()
		c["email"] = email
		f.provider.is(c)
		if at := f.browser().come(""); at != want {
			t.Errorf("%q: %s", email, at)
		}
	}
}

// TestGroups: roles and projects follow the groups, downwards too; without any the place goes, with its keys.
func TestGroups(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		ctx := t.Context()
		two, err := f.ids.CreateProject(ctx, f.owner, "two")
		if err != nil {
			t.Fatal(err)
		}
		f.mapping(f.owner, "staff", actor.Member)
		f.mapping(f.owner, "ops", actor.Admin, identity.ProjectRole{ID: two.ID, Role: actor.Owner})
		f.mapping(f.owner, "bosses", actor.Owner)
		b := f.browser()
		come := func(groups any) string {
			t.Helper()
			c := ann()
			c["groups"] = groups
			f.provider.is(c)
			return b.come("")
		}
		if at := come([]string{"strangers"}); at != "/signin?sso_error=sso_not_invited" {
			t.Fatal(at)
		}
		for _, step := range []struct {
			groups   any
			role     string
			projects int
		}{
			{[]string{"staff", "x"}, actor.Member, 1}, {[]string{"ops", "staff"}, actor.Admin, 1}, {"staff", actor.Member, 1},
			{[]string{"bosses"}, actor.Owner, 1}, {[]string{"staff"}, actor.Member, 1},
		} {
			if at := come(step.groups); at != "/" || b.me().Role != step.role {
				t.Fatalf("%v: %s %+v\n%s", step.groups, at, b.me(), f.log)
			}
		}
		who := actor.Actor{Org: f.owner.Org, Project: b.me().Project.ID, User: b.me().User.ID, Role: actor.Member, Scopes: actor.ScopesOf(actor.Member)}
		if _, _, err := f.ids.CreateKey(ctx, who, identity.NewKey{Name: "k"}); err != nil {
			t.Fatal(err)
		}
		if at := come([]string{}); at != "/signin?sso_error=sso_not_invited" || b.me().Role != "" {
			t.Fatalf("%s %+v", at, b.me())
		}
		var keys int
		if err := f.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM api_keys WHERE user_id = $1 AND revoked_at = 0`, who.User).Scan(&keys); err != nil || keys != 0 {
			t.Errorf("%d keys are still good: %v", keys, err)
		}
		if at := come([]string{"ops"}); at != "/" || b.me().Role != actor.Admin || b.me().User.ID != who.User {
			t.Errorf("%s %+v", at, b.me())
		}
		if members, _, err := f.ids.ProjectUsers(ctx, f.owner, two.ID, store.Paging{}); err != nil || len(members) != 2 {
			t.Errorf("%+v %v", members, err)
		}
	})
}

// TestLastOwner: an organization's only owner stays owner, whatever the groups say.
func TestLastOwner(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		ctx := t.Context()
		_, o, err := f.ids.CreateOrganization(ctx, "second", "ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		second, err := f.ids.Operator(ctx, o.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		f.provider.is(ann())
		b := f.browser()
		if at := b.come(""); at != "/" || b.me().Role != actor.Owner {
			t.Fatalf("%s %+v", at, b.me())
		}
		m := f.mapping(second, "staff", actor.Reader)
		if at := b.come(""); at != "/" || b.me().Role != actor.Owner {
			t.Errorf("%s %+v", at, b.me())
		}
		if err := f.sso.DeleteMapping(ctx, second, m.ID); err != nil {
			t.Fatal(err)
		}
		if at := b.come(""); at != "/" || b.me().Role != actor.Owner || b.me().Organization.ID != o.ID {
			t.Errorf("%s %+v", at, b.me())
		}
	})
}

// TestNestedGroups: a claim of a deeper level, and groups that only userinfo tells.
func TestNestedGroups(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.GroupsClaim = "realm_access.roles" })
	f.mapping(f.owner, "staff", actor.Reader)
	c := ann()
	delete(c, "groups")
	c["realm_access"] = map[string]any{"roles": []string{"staff"}}
	f.provider.is(c)
	if b := f.browser(); b.come("") != "/" || b.me().Role != actor.Reader {
		t.Errorf("%+v", b.me())
	}
	delete(c, "realm_access")
	f.provider.userinfo = map[string]any{"sub": "ann-1", "realm_access": map[string]any{"roles": []string{"staff"}}}
	f.sso.provider = nil // described anew
	if b := f.browser(); b.come("") != "/" || b.me().Role != actor.Reader {
		t.Errorf("userinfo: %+v\n%s", b.me(), f.log)
	}
	f.provider.userinfo["sub"] = "somebody"
	if at := f.browser().come(""); at != "/signin?sso_error=sso_token" {
		t.Errorf("userinfo about somebody else: %s", at)
	}
}

// TestLink: who is signed in links an identity whatever its address, after showing that the account is theirs;
// an identity has one account; removed, it is no way in.
func TestLink(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		token, _, err := f.ids.Invite(t.Context(), f.owner, "bob@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		session, err := f.ids.Accept(t.Context(), token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		b := f.browser()
		b.cookies[identity.Cookie] = session.Secret
		bob := b.me().User.ID
		f.provider.is(map[string]any{"sub": "x-1", "email": "other@example.com", "email_verified": false})
		if rec := b.do("POST", "/api/account/sso", `{"current_password":"wrong"}`); rec.Code != 401 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		link := func() string {
			t.Helper()
			rec := b.do("POST", "/api/account/sso", `{"current_password":"right","next":"/account"}`)
			var out LinkObject
			if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || rec.Code != 200 {
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
			return out.URL
		}
		address := link()
		stranger := f.browser()
		stranger.cookies[cookieName] = b.cookies[cookieName]
		if at := stranger.follow(f.provider.authorize(t, address)); at != "/account?sso_error=sso_state" {
			t.Errorf("linked by another browser: %s", at)
		}
		if at := b.finish(link()); at != "/account" || b.me().User.ID != bob {
			t.Fatalf("%s\n%s", at, f.log)
		}
		fresh := f.browser()
		if at := fresh.come(""); at != "/" || fresh.me().User.ID != bob {
			t.Fatalf("%s %+v", at, fresh.me())
		}
		f.invite("eve@example.com", actor.Member)
		f.provider.is(map[string]any{"sub": "eve", "email": "eve@example.com", "email_verified": true})
		eve := f.browser()
		eve.come("")
		f.provider.is(map[string]any{"sub": "x-1"})
		rec := eve.do("POST", "/api/account/sso", `{"current_password":"right","next":"/account"}`)
		var out LinkObject
		if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		if at := eve.finish(out.URL); at != "/account?sso_error=sso_taken" {
			t.Errorf("somebody else's identity: %s", at)
		}
		var ids httpapi.List[IdentityObject]
		if err := json.Unmarshal(b.do("GET", "/api/account/sso", "").Body.Bytes(), &ids); err != nil || len(ids.Data) != 1 {
			t.Fatal(err, ids)
		}
		if rec := eve.do("POST", "/api/account/sso/"+ids.Data[0].ID+"/delete", `{"current_password":"right"}`); rec.Code != 404 {
			t.Errorf("removed by somebody else: %d", rec.Code)
		}
		if rec := b.do("POST", "/api/account/sso/"+ids.Data[0].ID+"/delete", `{"current_password":"right"}`); rec.Code != 200 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		if at := f.browser().come(""); at != "/signin?sso_error=sso_email" {
			t.Errorf("a removed identity: %s", at)
		}
	})
}

// TestRequired: sessions that began with a password may nothing in an organization that wants single sign-on; links
// of the server's own machine may.
func TestRequired(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		ctx := t.Context()
		begin := func(method string) *browser {
			t.Helper()
			b := f.browser()
			if err := f.db.Tx(ctx, func(tx *store.Tx) error {
				session, err := f.ids.BeginSession(ctx, tx, identity.Beginning{Org: f.owner.Org, User: f.owner.User, Method: method})
				b.cookies[identity.Cookie] = session.Secret
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return b
		}
		password, link := begin(identity.ByPassword), begin(identity.ByLink)
		if rec := password.do("POST", "/api/organization/sso", `{"required":true}`); rec.Code != 409 || !strings.Contains(rec.Body.String(), "sso_not_proven") {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		through := begin(identity.BySSO)
		if rec := through.do("POST", "/api/organization/sso", `{"required":true}`); rec.Code != 200 || !strings.Contains(rec.Body.String(), `"required":true`) {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		f.clock.advance(2 * time.Second) // what was looked up is believed for a second
		if rec := password.do("GET", "/api/session", ""); rec.Code != 401 || !strings.Contains(rec.Body.String(), "sso_required") {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		if link.me().Role != actor.Owner || through.me().Role != actor.Owner {
			t.Errorf("%+v %+v", link.me(), through.me())
		}
		err := f.db.Tx(ctx, func(tx *store.Tx) error {
			_, err := f.ids.BeginSession(ctx, tx, identity.Beginning{Org: f.owner.Org, User: f.owner.User, Method: identity.ByPassword})
			return err
		})
		if e := fault.As(err); e == nil || e.Code != "sso_required" {
			t.Errorf("a new one: %v", err)
		}
		// Another organization is no way round it.
		_, o, err := f.ids.CreateOrganization(ctx, "second", "x@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(ctx, `INSERT INTO memberships (org_id, user_id, project_id, role, created_at) SELECT $1, $2, id, 'owner', 1 FROM projects WHERE org_id = $1`, o.ID, f.owner.User); err != nil {
			t.Fatal(err)
		}
		b := f.browser()
		if err := f.db.Tx(ctx, func(tx *store.Tx) error {
			session, err := f.ids.BeginSession(ctx, tx, identity.Beginning{Org: o.ID, User: f.owner.User, Method: identity.ByPassword})
			b.cookies[identity.Cookie] = session.Secret
			return err
		}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/api/session", nil)
		r.AddCookie(&http.Cookie{Name: identity.Cookie, Value: b.cookies[identity.Cookie]})
		r.Header.Set("OpenAI-Organization", f.owner.Org)
		rec := httptest.NewRecorder()
		f.api.ServeHTTP(rec, r)
		if rec.Code != 401 || !strings.Contains(rec.Body.String(), "sso_required") {
			t.Errorf("by header: %d %s", rec.Code, rec.Body)
		}
	})
}

// TestMappings: who manages members edits them, not beyond their own power, and not another organization's.
func TestMappings(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		ctx := t.Context()
		admin := f.owner
		admin.Role, admin.Scopes, admin.Operator = actor.Admin, actor.ScopesOf(actor.Admin), false
		for name, m := range map[string]Mapping{
			"no group": {Role: actor.Member}, "no role": {Group: "x", Role: "king"}, "an owner by an admin": {Group: "x", Role: actor.Owner},
			"a project of nobody": {Group: "x", Role: actor.Member, Projects: []identity.ProjectRole{{ID: "proj_none", Role: actor.Member}}},
			"a long name":         {Group: strings.Repeat("x", maxGroup+1), Role: actor.Member}, "a NUL": {Group: "a\x00b", Role: actor.Member},
		} {
			if _, err := f.sso.CreateMapping(ctx, admin, m); fault.As(err) == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		m := f.mapping(admin, "staff", actor.Member)
		if _, err := f.sso.CreateMapping(ctx, admin, Mapping{Group: "staff", Role: actor.Reader}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("twice: %v", err)
		}
		boss := f.mapping(f.owner, "bosses", actor.Owner)
		if _, err := f.sso.UpdateMapping(ctx, admin, boss.ID, Mapping{Group: "bosses", Role: actor.Member}); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("an admin unmakes owners: %v", err)
		}
		if err := f.sso.DeleteMapping(ctx, admin, boss.ID); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("an admin unmakes owners: %v", err)
		}
		if got, err := f.sso.UpdateMapping(ctx, admin, m.ID, Mapping{Group: "all", Role: actor.Reader}); err != nil || got.Group != "all" || got.Role != actor.Reader {
			t.Errorf("%+v %v", got, err)
		}
		_, o, err := f.ids.CreateOrganization(ctx, "second", "x@example.com")
		if err != nil {
			t.Fatal(err)
		}
		other, err := f.ids.Operator(ctx, o.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.sso.UpdateMapping(ctx, other, m.ID, Mapping{Group: "all", Role: actor.Reader}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization's: %v", err)
		}
		if err := f.sso.DeleteMapping(ctx, other, m.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization's: %v", err)
		}
		if s, err := f.sso.Settings(ctx, other); err != nil || len(s.Mappings) != 0 {
			t.Errorf("%+v %v", s, err)
		}
	})
}

// TestAway: a provider that does not answer is told, and what it described before serves on.
func TestAway(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create = true })
	f.provider.is(ann())
	f.provider.down = true
	rec := f.browser().do("GET", "/signin/sso?next=/x", "")
	if rec.Code != 303 || rec.Header().Get("Location") != "/signin?next=%2Fx&sso_error=sso_unavailable" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	f.provider.down = false
	f.browser().come("")
	f.provider.down = true
	f.clock.advance(providerFor + time.Second)
	if !strings.HasPrefix(f.browser().start(""), f.provider.URL) {
		t.Error("what it described before is forgotten")
	}
	none := New(Options{DB: f.db, Identity: f.ids, Clock: f.clock, Logger: slog.New(slog.DiscardHandler)})
	if _, _, err := none.Start(t.Context(), "/", actor.Actor{}); fault.As(err) == nil || fault.As(err).Code != "sso_not_configured" {
		t.Errorf("%v", err)
	}
	if _, err := none.Finish(t.Context(), "", url.Values{}, actor.Actor{}, ""); errors.Is(err, nil) {
		t.Error("finished without a provider")
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

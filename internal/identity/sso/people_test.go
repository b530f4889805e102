package sso

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

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
		if _, err := f.db.Exec(t.Context(), `INSERT INTO sso_identities (id, issuer, subject, user_id, email, created_at, last_used_at) VALUES ('x', $1, 'mallory-1', $2, '', 1, 1)`, f.provider.URL, prepared.Actor.User); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.ids.CreateKey(t.Context(), prepared.Actor, identity.NewKey{Name: "k"}); err != nil {
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
		// Nor does another person of the provider's get in, whom somebody linked before.
		f.provider.is(map[string]any{"sub": "mallory-1", "email": "mallory@example.com", "email_verified": true})
		if m := f.browser(); m.come("") != "/signin?sso_error=sso_not_invited" || m.me().Role != "" {
			t.Errorf("%+v", m.me())
		}
		// The keys of the account may be known to who prepared it: its address had not been shown to be anybody's.
		var keys, logged int
		if err := f.db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM api_keys WHERE user_id = $1 AND revoked_at = 0`, prepared.Actor.User).Scan(&keys); err != nil || keys != 0 {
			t.Errorf("%d keys are still good: %v", keys, err)
		}
		if err := f.db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM audit_log WHERE type = 'api_key.deleted'`).Scan(&logged); err != nil || logged != 1 {
			t.Errorf("%d lines of revoked keys: %v", logged, err)
		}
		old := f.browser()
		old.cookies[identity.Cookie] = prepared.Secret
		var passwords int
		if err := f.db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM passwords`).Scan(&passwords); err != nil || passwords != 0 || old.me().Role != "" {
			t.Errorf("%d passwords, %+v, %v", passwords, old.me(), err)
		}
	})
}

// TestShownAddressKeepsKeys: where the account's address had been shown to be its user's, the keys are theirs and stay.
func TestShownAddressKeepsKeys(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		ctx := t.Context()
		token, _, err := f.ids.Invite(ctx, f.owner, "bob@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		bob, err := f.ids.Accept(ctx, token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.db.Tx(ctx, func(tx *store.Tx) error { return f.ids.VerifyEmail(ctx, tx, bob.Actor.User) }); err != nil {
			t.Fatal(err)
		}
		secret, _, err := f.ids.CreateKey(ctx, bob.Actor, identity.NewKey{Name: "k"})
		if err != nil {
			t.Fatal(err)
		}
		f.provider.is(map[string]any{"sub": "bob-1", "email": "bob@example.com", "email_verified": true})
		if b := f.browser(); b.come("") != "/" || b.me().User.ID != bob.Actor.User {
			t.Fatalf("%+v", b.me())
		}
		r := httptest.NewRequest(http.MethodGet, "/api/session", nil)
		r.Header.Set("Authorization", "Bearer "+secret)
		if who, err := f.ids.Authenticate(r); err != nil || who.User != bob.Actor.User {
			t.Errorf("%+v %v", who, err)
		}
		// Another address is another question.
		if err := f.db.Tx(ctx, func(tx *store.Tx) error { return f.ids.SetProfile(ctx, tx, bob.Actor, "Bob", "carol@example.com") }); err != nil {
			t.Fatal(err)
		}
		f.provider.is(map[string]any{"sub": "carol-1", "email": "carol@example.com", "email_verified": true})
		if b := f.browser(); b.come("") != "/" {
			t.Fatalf("%+v", b.me())
		}
		if who, err := f.ids.Authenticate(r); err == nil {
			t.Errorf("%+v", who)
		}
	})
}

// TestGroupsAreNotRead: where the operator turned the reading of groups off, what they gave stays.
func TestGroupsAreNotRead(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		f.mapping(f.owner, "staff", actor.Admin)
		f.provider.is(ann())
		if b := f.browser(); b.come("") != "/" || b.me().Role != actor.Admin {
			t.Fatalf("%+v", b.me())
		}
		f.sso.cfg.GroupsClaim = ""
		if b := f.browser(); b.come("") != "/" || b.me().Role != actor.Admin {
			t.Errorf("%+v", b.me())
		}
		f.sso.cfg.GroupsClaim = "groups"
		nobody := ann()
		nobody["groups"] = []string{}
		f.provider.is(nobody)
		if b := f.browser(); b.come("") == "/" || b.me().Role != "" {
			t.Errorf("%+v", b.me())
		}
	})
}

// TestFirstSignInsAtOnce: many first sign-ins of one person at once make one account, and all get in.
func TestFirstSignInsAtOnce(t *testing.T) {
	run(t, nil, func(t *testing.T, f *site) {
		f.mapping(f.owner, "staff", actor.Member)
		p := person{Subject: "ann-1", Email: "ann@example.com", Verified: true, Name: "Ann", Groups: []string{"staff"}}
		var wg sync.WaitGroup
		users := make([]string, 8)
		for i := range users {
			wg.Go(func() {
				session, err := f.sso.signIn(t.Context(), p, "")
				if err != nil {
					t.Error(err)
				}
				users[i] = session.Actor.User
			})
		}
		wg.Wait()
		if users = slices.Compact(users); len(users) != 1 || users[0] == "" {
			t.Errorf("%v", users)
		}
	})
}

// TestFlowCookieBehindTLS: it belongs to this very host, and ends with the flow.
func TestFlowCookieBehindTLS(t *testing.T) {
	f := newSite(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), func(c *Config) { c.Create = true })
	f.provider.is(ann())
	ask := func(path string, cookie *http.Cookie) *http.Cookie {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("X-Forwarded-Proto", "https")
		if cookie != nil {
			r.AddCookie(cookie)
		}
		rec := httptest.NewRecorder()
		f.api.ServeHTTP(rec, r)
		for _, c := range rec.Result().Cookies() {
			if strings.Contains(c.Name, "sso") {
				if back := rec.Header().Get("Location"); c.MaxAge > 0 {
					c.Raw = back
				} else {
					c.Raw = ""
				}
				return c
			}
		}
		t.Fatalf("%s: %d %v", path, rec.Code, rec.Header())
		return nil
	}
	c := ask("/signin/sso", nil)
	if c.Name != "__Host-parley_sso" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", c)
	}
	back, err := url.Parse(f.provider.authorize(t, c.Raw))
	if err != nil {
		t.Fatal(err)
	}
	if gone := ask(back.RequestURI(), &http.Cookie{Name: c.Name, Value: c.Value}); gone.Name != c.Name || gone.MaxAge >= 0 || gone.Path != "/" {
		t.Errorf("%+v", gone)
	}
	// The name of before, which a neighbour could set, does not count.
	c = ask("/signin/sso", nil)
	r := httptest.NewRequest(http.MethodGet, f.provider.authorize(t, c.Raw), nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.AddCookie(&http.Cookie{Name: cookieName, Value: c.Value})
	rec := httptest.NewRecorder()
	f.api.ServeHTTP(rec, r)
	if at := rec.Header().Get("Location"); !strings.Contains(at, "sso_state") {
		t.Errorf("%d %s", rec.Code, at)
	}
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
		password, link, reset := begin(identity.ByPassword), begin(identity.ByLink), begin(identity.ByReset)
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
		if rec := reset.do("GET", "/api/session", ""); rec.Code != 401 || !strings.Contains(rec.Body.String(), "sso_required") {
			t.Errorf("by a link that was mailed: %d %s", rec.Code, rec.Body)
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
		if me := b.me(); me.Role != actor.Owner || me.Operator {
			t.Errorf("the operator's part stays closed, too: %+v", me)
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

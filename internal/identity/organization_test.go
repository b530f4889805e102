package identity

import (
	"context"
	"encoding/json"
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
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// join invites somebody and accepts.
func (w *world) join(t testing.TB, email, role string, projects ...ProjectRole) Session {
	t.Helper()
	token, _, err := w.Invite(t.Context(), w.owner, email, role, projects)
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Accept(t.Context(), token, actor.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keyOf(t testing.TB, w *world, who actor.Actor, in NewKey) (string, Key) {
	t.Helper()
	secret, k, err := w.CreateKey(t.Context(), who, in)
	if err != nil {
		t.Fatal(err)
	}
	return secret, k
}

func cookie(secret string, header ...string) *http.Request {
	r := bearer("", header...)
	r.AddCookie(&http.Cookie{Name: Cookie, Value: secret})
	return r
}

func wants(t testing.TB, what string, err error, kind fault.Kind, text string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(fault.As(err).Message, text) {
		t.Errorf("%s: %v, want %v %q", what, err, kind, text)
	}
}

func TestInvitations(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		two, err := w.CreateProject(ctx, w.owner, "Two")
		if err != nil {
			t.Fatal(err)
		}
		token, i, err := w.Invite(ctx, w.owner, "Ann@Example.com", actor.Member, []ProjectRole{{two.ID, actor.Owner}})
		if err != nil || i.Email != "ann@example.com" || !strings.HasPrefix(token, "join-") {
			t.Fatalf("%q %+v %v", token, i, err)
		}
		s, err := w.Accept(ctx, token, actor.Actor{})
		if err != nil || s.Actor.Org != w.owner.Org || s.Actor.Project != two.ID || s.Actor.Role != actor.Member || s.Actor.ProjectRole != actor.Owner || s.Actor.Email != "ann@example.com" {
			t.Fatalf("%+v %v", s.Actor, err)
		}
		who, err := w.Authenticate(cookie(s.Secret))
		if err != nil || who.User != s.Actor.User || !who.May(actor.ChatWrite) || who.May(actor.OrganizationRead) {
			t.Errorf("%+v %v", who, err)
		}
		_, err = w.Accept(ctx, token, actor.Actor{})
		wants(t, "a link used twice", err, fault.Unauthorized, "was accepted")
		if got, err := w.GetInvite(ctx, w.owner, i.ID); err != nil || got.Accepted.IsZero() {
			t.Errorf("%+v %v", got, err)
		}
		wants(t, "taking back what was accepted", w.DeleteInvite(ctx, w.owner, i.ID), fault.Invalid, "was accepted")
		_, _, err = w.Invite(ctx, w.owner, "ann@example.com", actor.Reader, nil)
		wants(t, "a member", err, fault.Invalid, "is a member")

		gone, i, err := w.Invite(ctx, w.owner, "b@example.com", actor.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteInvite(ctx, w.owner, i.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Accept(ctx, gone, actor.Actor{})
		wants(t, "taken back", err, fault.Unauthorized, "taken back")
		late, _, err := w.Invite(ctx, w.owner, "c@example.com", actor.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(InviteLifetime)
		_, err = w.Accept(ctx, late, actor.Actor{})
		wants(t, "expired", err, fault.Unauthorized, "has expired")

		for _, bad := range []string{"", "a", "a@b@c", "Ann <ann@example.com>", strings.Repeat("a", 250) + "@example.com", "a\x00@example.com"} {
			_, _, err := w.Invite(ctx, w.owner, bad, actor.Reader, nil)
			wants(t, bad, err, fault.Invalid, "no e-mail address")
		}
		_, _, err = w.Invite(ctx, w.owner, "d@example.com", "emperor", nil)
		wants(t, "no role", err, fault.Invalid, "Supported values")
		_, _, err = w.Invite(ctx, w.owner, "d@example.com", actor.Reader, []ProjectRole{{"proj_other", actor.Member}})
		wants(t, "no project", err, fault.NotFound, "No such project")
		admin := w.join(t, "admin@example.com", actor.Admin)
		_, _, err = w.Invite(ctx, admin.Actor, "e@example.com", actor.Owner, nil)
		wants(t, "an admin makes an owner", err, fault.Forbidden, "Only an owner")
	})
}

// TestAccountsAreNotTaken: an invitation is no way into an account that exists; its own user joins with it,
// and then chooses among the organizations by header.
func TestAccountsAreNotTaken(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		ann := w.join(t, "ann@example.com", actor.Member)
		bob := w.join(t, "bob@example.com", actor.Member)
		first, o, err := w.CreateOrganization(ctx, "second", "boss@example.com")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.CreateOrganization(ctx, "second", "boss@example.com")
		wants(t, "a name twice", err, fault.Conflict, "already")
		boss, err := w.Accept(ctx, first, actor.Actor{})
		if err != nil || boss.Actor.Org != o.ID || boss.Actor.Role != actor.Owner {
			t.Fatalf("%+v %v", boss.Actor, err)
		}
		token, _, err := w.Invite(ctx, boss.Actor, "ann@example.com", actor.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, me := range map[string]actor.Actor{"nobody": {}, "another": bob.Actor} {
			_, err = w.Accept(ctx, token, me)
			wants(t, name, err, fault.Forbidden, "sign in as its user")
		}
		s, err := w.Accept(ctx, token, ann.Actor)
		if err != nil || s.Actor.User != ann.Actor.User || s.Actor.Org != o.ID || s.Actor.Role != actor.Reader {
			t.Fatalf("%+v %v", s.Actor, err)
		}
		_, err = w.Authenticate(cookie(ann.Secret))
		wants(t, "the secret so far", err, fault.Unauthorized, "session has ended")
		for header, want := range map[string]string{"": o.ID, w.owner.Org: w.owner.Org, "personal": w.owner.Org, o.ID: o.ID, "second": o.ID} {
			who, err := w.Authenticate(cookie(s.Secret, "OpenAI-Organization", header))
			if err != nil || who.Org != want || who.Session != ann.Actor.Session || (who.Role == actor.Reader) != (want == o.ID) {
				t.Errorf("%q: %+v %v", header, who, err)
			}
		}
		_, err = w.Authenticate(cookie(bob.Secret, "OpenAI-Organization", o.ID))
		wants(t, "an organization of others", err, fault.Unauthorized, "No such organization")
		_, err = w.Authenticate(cookie(bob.Secret, "OpenAI-Project", boss.Actor.Project))
		wants(t, "a project of others", err, fault.Unauthorized, "No such project")
		three, err := w.CreateProject(ctx, w.owner, "Three")
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(cookie(s.Secret, "OpenAI-Organization", w.owner.Org, "OpenAI-Project", three.ID))
		wants(t, "a project that one is not in", err, fault.Unauthorized, "No such project")
		if _, err := w.AddProjectUser(ctx, w.owner, three.ID, "", "ANN@example.com", actor.Member); err != nil {
			t.Fatal(err)
		}
		if who, err := w.Authenticate(cookie(s.Secret, "OpenAI-Organization", w.owner.Org, "OpenAI-Project", three.ID)); err != nil || who.Project != three.ID {
			t.Errorf("%+v %v", who, err)
		}
	})
}

// TestRemovedUsers: keys and sessions stop at once here, and within a second on another server; the last
// owner stays.
func TestRemovedUsers(t *testing.T) {
	storetest.RunURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, store.Options{})
		w := start(t, db)
		ctx := t.Context()
		elsewhere := New(storetest.Open(t, url, store.Options{}), w.clock, slog.New(slog.DiscardHandler))
		defer elsewhere.Close(ctx)
		ann := w.join(t, "ann@example.com", actor.Member)
		secret, _ := keyOf(t, w, ann.Actor, NewKey{Name: "k"})
		link, err := w.SignInLink(ctx, ann.Actor)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Service{w.Service, elsewhere} {
			for _, r := range []*http.Request{bearer(secret), cookie(ann.Secret)} {
				if who, err := s.Authenticate(r); err != nil || who.User != ann.Actor.User {
					t.Fatalf("%+v %v", who, err)
				}
			}
		}
		if err := w.RemoveUser(ctx, w.owner, ann.Actor.User); err != nil {
			t.Fatal(err)
		}
		check := func(s *Service) {
			t.Helper()
			_, err := s.Authenticate(bearer(secret))
			wants(t, "the key", err, fault.Unauthorized, "You must be a member of an organization to use the API")
			_, err = s.Authenticate(cookie(ann.Secret))
			wants(t, "the session", err, fault.Unauthorized, "session has ended")
		}
		check(w.Service)
		w.clock.Advance(time.Second)
		check(elsewhere)
		_, err = w.signIn(ctx, link)
		wants(t, "the link", err, fault.Unauthorized, "was used or has expired")
		wants(t, "twice", w.RemoveUser(ctx, w.owner, ann.Actor.User), fault.NotFound, "No such user")

		wants(t, "the last owner leaves", w.RemoveUser(ctx, w.owner, w.owner.User), fault.Invalid, "last owner")
		_, err = w.SetRole(ctx, w.owner, w.owner.User, actor.Admin)
		wants(t, "the last owner steps down", err, fault.Invalid, "last owner")
		admin := w.join(t, "admin@example.com", actor.Admin)
		wants(t, "an admin removes an owner", w.RemoveUser(ctx, admin.Actor, w.owner.User), fault.Invalid, "last owner")
		second := w.join(t, "second@example.com", actor.Owner)
		wants(t, "an admin removes an owner", w.RemoveUser(ctx, admin.Actor, w.owner.User), fault.Forbidden, "Only an owner")
		_, err = w.SetRole(ctx, admin.Actor, second.Actor.User, actor.Member)
		wants(t, "an admin demotes an owner", err, fault.Forbidden, "Only an owner")
		_, err = w.SetRole(ctx, admin.Actor, admin.Actor.User, actor.Owner)
		wants(t, "an admin makes itself an owner", err, fault.Forbidden, "Only an owner")
		if err := w.RemoveUser(ctx, w.owner, w.owner.User); err != nil {
			t.Errorf("an owner who is not the last cannot leave: %v", err)
		}
		if o, err := w.Owner(ctx); err != nil || o.User != second.Actor.User {
			t.Errorf("the machine acts as %+v %v", o, err)
		}
	})
}

// TestOwnersRemoveEachOther: one of two always remains.
func TestOwnersRemoveEachOther(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		for i := range 5 {
			other := w.join(t, fmt.Sprintf("o%d@example.com", i), actor.Owner)
			pair := []actor.Actor{w.owner, other.Actor}
			var wg sync.WaitGroup
			errs := make([]error, 2)
			for n := range pair {
				wg.Go(func() { errs[n] = w.RemoveUser(t.Context(), pair[n], pair[n].User) })
			}
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("%v and %v", errs[0], errs[1])
			}
			if errs[0] == nil {
				w.owner = other.Actor
			}
		}
	})
}

// TestKeysFollowTheirOwner: a key never may more than its user's role at the moment, nor act in a project
// that the user is not in, nor in an archived one.
func TestKeysFollowTheirOwner(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		two, err := w.CreateProject(ctx, w.owner, "Two")
		if err != nil {
			t.Fatal(err)
		}
		ann := w.join(t, "ann@example.com", actor.Admin, ProjectRole{two.ID, actor.Member}, ProjectRole{w.owner.Project, actor.Member})
		secret, k := keyOf(t, w, ann.Actor, NewKey{Name: "all"})
		may := func(want bool, scopes ...string) {
			t.Helper()
			who, err := w.Authenticate(bearer(secret))
			if err != nil {
				t.Fatal(err)
			}
			for _, scope := range scopes {
				if who.May(scope) != want {
					t.Errorf("as %s may %s: %v", who.Role, scope, !want)
				}
			}
		}
		may(true, actor.OrganizationWrite, actor.ChatWrite)
		may(false, actor.OrganizationOwn)
		for _, step := range []struct {
			role    string
			yes, no []string
		}{
			{actor.Member, []string{actor.ChatWrite, actor.KeysWrite}, []string{actor.OrganizationRead, actor.ModelsWrite, actor.AuditRead}},
			{actor.Reader, []string{actor.ModelsRead, actor.ChatsRead}, []string{actor.ChatWrite, actor.KeysWrite}},
			{actor.Owner, []string{actor.OrganizationOwn}, nil},
			{actor.Member, []string{actor.ChatWrite}, []string{actor.OrganizationOwn}},
		} {
			if _, err := w.SetRole(ctx, w.owner, ann.Actor.User, step.role); err != nil {
				t.Fatal(err)
			}
			may(true, step.yes...)
			may(false, step.no...)
		}
		if err := w.RemoveProjectUser(ctx, w.owner, two.ID, ann.Actor.User); err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(bearer(secret))
		wants(t, "out of the project", err, fault.Unauthorized, "no longer a member of the project")
		if got, err := w.ProjectKey(ctx, w.owner, two.ID, k.ID); err != nil || got.Access {
			t.Errorf("%+v %v", got, err)
		}
		for access, want := range map[string]int{"": 1, "any": 1, "active": 0, "inactive": 1} {
			if keys, _, err := w.ProjectKeys(ctx, w.owner, two.ID, access, store.Paging{}); err != nil || len(keys) != want {
				t.Errorf("%q: %v %v", access, keys, err)
			}
		}
		if who, err := w.Authenticate(cookie(ann.Secret)); err != nil || who.Project != w.owner.Project {
			t.Errorf("the session goes to the other project: %+v %v", who, err)
		}
		wants(t, "out of the only project", w.RemoveProjectUser(ctx, w.owner, w.owner.Project, ann.Actor.User), fault.Invalid, "only project")
		if _, err := w.AddProjectUser(ctx, w.owner, two.ID, ann.Actor.User, "", actor.Member); err != nil {
			t.Fatal(err)
		}
		may(true, actor.ChatWrite)
		if _, err := w.ArchiveProject(ctx, w.owner, two.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(bearer(secret))
		wants(t, "archived", err, fault.Unauthorized, "archived")
		_, err = w.RenameProject(ctx, w.owner, two.ID, "x")
		wants(t, "renaming what is archived", err, fault.Invalid, "archived")
		_, err = w.ArchiveProject(ctx, w.owner, w.owner.Project)
		wants(t, "the default project", err, fault.Invalid, "default project")
	})
}

func TestServiceAccounts(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		secret, a, k, err := w.CreateServiceAccount(ctx, w.owner, w.owner.Project, "robot", false)
		if err != nil || !strings.HasPrefix(secret, "sk-svcacct-") || strings.Contains(k.Redacted, secret[20:50]) {
			t.Fatalf("%q %+v %v", secret, k, err)
		}
		who, err := w.Authenticate(bearer(secret))
		if err != nil || who.Service != a.ID || who.User != "" || !who.May(actor.ChatWrite) || who.May(actor.OrganizationRead) || who.Manages() {
			t.Fatalf("%+v %v", who, err)
		}
		more, _, err := w.CreateServiceAccountKey(ctx, w.owner, w.owner.Project, a.ID, "", []string{"chat.*"})
		if err != nil {
			t.Fatal(err)
		}
		if who, err := w.Authenticate(bearer(more)); err != nil || who.May(actor.EmbeddingsWrite) || !who.May(actor.ChatWrite) {
			t.Errorf("%+v %v", who, err)
		}
		owner := actor.Owner
		if _, err := w.UpdateServiceAccount(ctx, w.owner, w.owner.Project, a.ID, nil, &owner); err != nil {
			t.Fatal(err)
		}
		if who, err := w.Authenticate(bearer(secret)); err != nil || !who.Manages() {
			t.Errorf("%+v %v", who, err)
		}
		wants(t, "its key by itself", w.DeleteProjectKey(ctx, w.owner, w.owner.Project, k.ID), fault.Invalid, "service account")
		if err := w.DeleteServiceAccount(ctx, w.owner, w.owner.Project, a.ID); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{secret, more} {
			_, err = w.Authenticate(bearer(s))
			wants(t, "deleted", err, fault.Unauthorized, "Incorrect API key")
		}
	})
}

func TestAdminKeys(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		secret, k, err := w.CreateAdminKey(t.Context(), w.owner, "admin", time.Hour)
		if err != nil || !strings.HasPrefix(secret, "sk-admin-") || k.Owner.Name != "Owner" {
			t.Fatalf("%q %+v %v", secret, k, err)
		}
		who, err := w.Authenticate(bearer(secret))
		if err != nil || !who.May(actor.OrganizationWrite) || !who.May(actor.AuditRead) || who.May(actor.ChatWrite) || who.May(actor.ChatsRead) || who.Project != w.owner.Project {
			t.Fatalf("%+v %v", who, err)
		}
		if keys, _, err := w.ListKeys(t.Context(), w.owner, store.Paging{}); err != nil || len(keys) != 0 {
			t.Errorf("it is in the project: %v %v", keys, err)
		}
		w.clock.Advance(time.Hour)
		_, err = w.Authenticate(bearer(secret))
		wants(t, "expired", err, fault.Unauthorized, "Incorrect API key")
	})
}

// TestOthersDoNotExist: what belongs to another organization is not found, whatever is asked of it.
func TestOthersDoNotExist(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		token, _, err := w.CreateOrganization(ctx, "second", "boss@example.com")
		if err != nil {
			t.Fatal(err)
		}
		boss, err := w.Accept(ctx, token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		in := w.owner.Project
		_, a, k, err := w.CreateServiceAccount(ctx, w.owner, in, "robot", false)
		if err != nil {
			t.Fatal(err)
		}
		_, admin, err := w.CreateAdminKey(ctx, w.owner, "admin", 0)
		if err != nil {
			t.Fatal(err)
		}
		_, i, err := w.Invite(ctx, w.owner, "x@example.com", actor.Reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		api, err := httpapi.New(httpapi.Options{Routes: w.Routes(), Auth: as{boss.Actor}, Logger: slog.New(slog.DiscardHandler), Clock: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		ids := strings.NewReplacer("{project_id}", in, "{user_id}", w.owner.User, "{service_account_id}", a.ID, "{api_key_id}", k.ID, "{key_id}", admin.ID, "{invite_id}", i.ID, "{key}", k.ID)
		bodies := map[string]string{"updateUser": `{"role":"owner"}`, "updateProject": `{"name":"x"}`, "createProjectUser": `{"user_id":"` + boss.Actor.User + `","role":"owner"}`,
			"updateProjectUser": `{"role":"owner"}`, "createServiceAccount": `{"name":"x"}`}
		n := 0
		for _, rt := range w.Routes() {
			if !strings.Contains(rt.Path, "{") {
				continue
			}
			body := bodies[rt.Op]
			if body == "" {
				body = "{}"
			}
			r := httptest.NewRequest(rt.Method, ids.Replace(rt.Path), strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, r)
			if n++; rec.Code != http.StatusNotFound {
				t.Errorf("%s %s: %d %s", rt.Method, rt.Path, rec.Code, rec.Body)
			}
		}
		if n < 20 {
			t.Errorf("only %d routes", n)
		}
	})
}

// as lets every request act as one.
type as struct{ who actor.Actor }

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return a.who, nil }

// TestOwnKeys: members see and revoke their own keys, who manages the project all.
func TestOwnKeys(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	_, owners := w.key(t)
	ann := w.join(t, "ann@example.com", actor.Member)
	_, anns := keyOf(t, w, ann.Actor, NewKey{Name: "ann's"})
	if keys, _, err := w.ListKeys(t.Context(), ann.Actor, store.Paging{}); err != nil || len(keys) != 1 || keys[0].ID != anns.ID {
		t.Errorf("%v %v", keys, err)
	}
	if keys, _, err := w.ListKeys(t.Context(), w.owner, store.Paging{}); err != nil || len(keys) != 2 {
		t.Errorf("%v %v", keys, err)
	}
	wants(t, "another's key", w.RevokeKey(t.Context(), ann.Actor, owners.ID), fault.NotFound, "No such API key")
	if err := w.RevokeKey(t.Context(), w.owner, anns.ID); err != nil {
		t.Error(err)
	}
}

// TestEveryActIsAudited: each of the operations that change something leaves a line.
func TestEveryActIsAudited(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := w.CreateProject(ctx, w.owner, "p")
	must(err)
	_, err = w.RenameProject(ctx, w.owner, p.ID, "q")
	must(err)
	ann := w.join(t, "ann@example.com", actor.Member)
	_, i, err := w.Invite(ctx, w.owner, "b@example.com", actor.Member, nil)
	must(err)
	must(w.DeleteInvite(ctx, w.owner, i.ID))
	_, err = w.AddProjectUser(ctx, w.owner, p.ID, ann.Actor.User, "", actor.Member)
	must(err)
	_, err = w.SetProjectRole(ctx, w.owner, p.ID, ann.Actor.User, actor.Owner)
	must(err)
	must(w.RemoveProjectUser(ctx, w.owner, p.ID, ann.Actor.User))
	_, err = w.SetRole(ctx, w.owner, ann.Actor.User, actor.Reader)
	must(err)
	must(w.RemoveUser(ctx, w.owner, ann.Actor.User))
	_, a, _, err := w.CreateServiceAccount(ctx, w.owner, p.ID, "robot", false)
	must(err)
	name := "r"
	_, err = w.UpdateServiceAccount(ctx, w.owner, p.ID, a.ID, &name, nil)
	must(err)
	must(w.DeleteServiceAccount(ctx, w.owner, p.ID, a.ID))
	_, k, err := w.CreateAdminKey(ctx, w.owner, "k", 0)
	must(err)
	must(w.DeleteAdminKey(ctx, w.owner, k.ID))
	_, err = w.ArchiveProject(ctx, w.owner, p.ID)
	must(err)
	var got []string
	must(audit.New(w.db, w.clock).Export(ctx, w.owner, audit.Filter{}, func(l audit.Line) error {
		got = append(got, l.Type)
		if l.Object == "" || l.User == "" {
			t.Errorf("%+v", l)
		}
		return nil
	}))
	counts := map[string]int{}
	for _, g := range got {
		counts[g]++
	}
	want := map[string]int{"project.created": 1, "project.updated": 1, "project.archived": 1, "invite.sent": 2, "invite.accepted": 1, "invite.deleted": 1, "user.added": 2, "login.succeeded": 1,
		"user.updated": 2, "user.deleted": 2, "service_account.created": 1, "service_account.updated": 1, "service_account.deleted": 1, "api_key.created": 2, "api_key.deleted": 1}
	a1, _ := json.Marshal(counts)
	a2, _ := json.Marshal(want)
	if string(a1) != string(a2) {
		t.Errorf("%s, want %s", a1, a2)
	}
}

// TestOrganizationOf: what the operator names has to exist.
func TestOrganizationOf(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		for query, want := range map[string]string{"": "", "?organization=" + w.owner.Org: w.owner.Org} {
			if org, err := w.OrganizationOf(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/limits"+query, nil)); err != nil || org != want {
				t.Errorf("%q: %q, %v", query, org, err)
			}
		}
		for _, id := range []string{"org-none", "%00", "%ff"} {
			_, err := w.OrganizationOf(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/limits?organization="+id, nil))
			if err == nil {
				t.Errorf("%s exists", id)
			}
		}
		_, err := w.OrganizationOf(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/limits?organization=org-none", nil))
		wants(t, "an unknown organization", err, fault.NotFound, "No such organization: org-none.")
	})
}

// TestTheFirstStaysTheFirst: an organization that is made after the machine's clock was set back is not before the operator's.
func TestTheFirstStaysTheFirst(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.clock.Advance(-24 * time.Hour)
		token, o, err := w.CreateOrganization(t.Context(), "second", "x@example.com")
		if err != nil {
			t.Fatal(err)
		}
		session, err := w.Accept(t.Context(), token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		if session.Actor.Role != actor.Owner || session.Actor.Operator {
			t.Errorf("%+v", session.Actor)
		}
		owner, err := w.Owner(t.Context())
		if err != nil || owner.Org != w.owner.Org {
			t.Errorf("%+v %v", owner, err)
		}
		if found, err := w.Organization(t.Context(), session.Actor); err != nil || !found.Created.Equal(o.Created) {
			t.Errorf("%+v, was %+v, %v", found, o, err)
		}
	})
}

// TestRolesInTurn: an admin who changes a member's role while an owner makes that member an owner comes after it, and is refused.
func TestRolesInTurn(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		bob := w.join(t, "bob@example.com", actor.Member)
		admin := w.join(t, "admin@example.com", actor.Admin)
		refused := make(chan error, 2)
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := inTurn(t.Context(), tx, w.owner.Org); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `UPDATE memberships SET role = 'owner' WHERE org_id = $1 AND user_id = $2`, w.owner.Org, bob.Actor.User); err != nil {
				return err
			}
			go func() {
				_, err := w.SetRole(context.Background(), admin.Actor, bob.Actor.User, actor.Reader)
				refused <- err
			}()
			go func() { refused <- w.RemoveUser(context.Background(), admin.Actor, bob.Actor.User) }()
			time.Sleep(300 * time.Millisecond) // so that they are on their way; where they are not, the test proves less
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			wants(t, "an admin and an owner", <-refused, fault.Forbidden, "Only an owner")
		}
	})
}

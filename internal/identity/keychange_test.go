package identity

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// change sends a change of a key and returns the answer and, of a good one, the key.
func change(t *testing.T, w *world, who actor.Actor, id, body string) (*httptest.ResponseRecorder, APIKey) {
	t.Helper()
	rec := postTo(t, w, who, "/api/keys/"+id, body)
	var k APIKey
	if rec.Code == 200 {
		if err := json.Unmarshal(rec.Body.Bytes(), &k); err != nil {
			t.Fatal(err)
		}
	}
	return rec, k
}

// TestKeysChange: what is sent is changed, what is left out stays, null takes a bound away, and the key is at once what it says.
func TestKeysChange(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		now := w.clock.Now().Unix()
		secret, k := keyOf(t, w, w.owner, NewKey{Name: "bot"})
		resolve := func() actor.Actor {
			t.Helper()
			who, err := w.Authenticate(bearer(secret))
			if err != nil {
				t.Fatal(err)
			}
			return who
		}
		if !resolve().May(actor.OrganizationWrite) {
			t.Fatal("a key for all may not all")
		}
		for _, step := range []struct {
			body  string
			check func(APIKey, actor.Actor) bool
		}{
			{`{"name":"robot"}`, func(k APIKey, _ actor.Actor) bool { return k.Name == "robot" && k.Permission == "all" }},
			{`{"permission":"restricted","permissions":{"chat":"write"}}`, func(k APIKey, who actor.Actor) bool {
				return k.Permission == "restricted" && who.May(actor.ChatWrite) && !who.May(actor.ModelsRead) && k.Name == "robot"
			}},
			{`{"models":["gpt-4"],"track_usage":true}`, func(k APIKey, who actor.Actor) bool {
				return who.MayUse("gpt-4") && !who.MayUse("davinci") && who.Track && k.Permission == "restricted"
			}},
			{`{"models":[]}`, func(k APIKey, who actor.Actor) bool { return !who.MayUse("gpt-4") && who.Track }},
			{`{"models":null}`, func(k APIKey, who actor.Actor) bool { return who.MayUse("davinci") && k.Models == nil && who.Track }},
			{fmt.Sprintf(`{"expires_at":%d}`, now+60), func(k APIKey, _ actor.Actor) bool { return *k.ExpiresAt == now+60 }},
			{`{"track_usage":false}`, func(k APIKey, who actor.Actor) bool { return !who.Track && *k.ExpiresAt == now+60 }},
			{`{"expires_at":null}`, func(k APIKey, _ actor.Actor) bool { return k.ExpiresAt == nil }},
			{`{"permission":"read_only"}`, func(k APIKey, who actor.Actor) bool { return who.May(actor.ModelsRead) && !who.May(actor.ChatWrite) }},
			{`{"permission":"all"}`, func(k APIKey, who actor.Actor) bool { return who.May(actor.OrganizationOwn) }},
			{`{}`, func(k APIKey, _ actor.Actor) bool { return k.Name == "robot" }},
		} {
			w.clock.Advance(time.Second)
			rec, got := change(t, w, w.owner, k.ID, step.body)
			if rec.Code != 200 || !step.check(got, resolve()) {
				t.Errorf("%s: %d %s, the key is %+v", step.body, rec.Code, rec.Body, resolve())
			}
		}
		for _, body := range []string{`{"name":""}`, `{"name":"` + strings.Repeat("x", 101) + `"}`, `{"permission":"some"}`, `{"permission":"restricted"}`, `{"models":[""]}`,
			fmt.Sprintf(`{"expires_at":%d}`, now), `{"expires_at":"soon"}`, `{"models":"gpt-4"}`, `{"secret":"sk-x"}`} {
			if rec, _ := change(t, w, w.owner, k.ID, body); rec.Code != 400 {
				t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
			}
		}

		// Each change has its line with what was before and after; {} has none.
		lines, _, err := audit.New(db, w.clock).List(t.Context(), w.owner, audit.Filter{Types: []string{audit.KeyUpdated}}, store.Paging{Order: "asc", Limit: 100})
		if err != nil || len(lines) != 10 || !strings.Contains(string(lines[0].Before), `"bot"`) || !strings.Contains(string(lines[0].After), `"robot"`) || lines[0].Object != k.ID {
			t.Errorf("%d lines, %v", len(lines), err)
		}
		for _, l := range lines {
			if strings.Contains(string(l.Before)+string(l.After), secret) {
				t.Error("a line has the secret")
			}
		}
	})
}

// TestKeyChangesReachOtherServers: another server on the same database follows within a second.
func TestKeyChangesReachOtherServers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		other := &world{Service: New(db, w.clock, w.log), db: db, clock: w.clock, owner: w.owner}
		t.Cleanup(func() { _ = other.Close(t.Context()) })
		secret, k := keyOf(t, w, w.owner, NewKey{Name: "bot"})
		if _, err := other.Authenticate(bearer(secret)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UpdateKey(t.Context(), w.owner, k.ID, KeyChange{Scopes: []string{"models.read"}}); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
		if who, err := other.Authenticate(bearer(secret)); err != nil || who.May(actor.ChatWrite) || !who.May(actor.ModelsRead) {
			t.Errorf("%+v %v", who, err)
		}
	})
}

// TestKeyChangesGiveNoMore: nobody widens a key beyond what they may themselves, and others' keys do not exist for members.
func TestKeyChangesGiveNoMore(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	ctx := t.Context()
	_, owners := keyOf(t, w, w.owner, NewKey{Name: "owner's", Scopes: []string{"chat.*"}})
	ann, bob := w.join(t, "ann@example.com", actor.Admin), w.join(t, "bob@example.com", actor.Member)
	_, bobs := keyOf(t, w, bob.Actor, NewKey{Name: "bob's", Scopes: []string{"chat.*"}, Models: []string{"gpt-4"}})

	_, err := w.UpdateKey(ctx, ann.Actor, owners.ID, KeyChange{Scopes: []string{actor.All}})
	wants(t, "an admin widens an owner's key to all", err, fault.Forbidden, "which you do not have yourself")
	_, err = w.UpdateKey(ctx, ann.Actor, owners.ID, KeyChange{Scopes: []string{actor.OrganizationOwn}})
	wants(t, "an admin gives an owner's key what only owners have", err, fault.Forbidden, "which you do not have")
	if k, err := w.UpdateKey(ctx, ann.Actor, owners.ID, KeyChange{Scopes: []string{"chat.write", "audit.read"}}); err != nil || !slices.Equal(k.Scopes, []string{"chat.write", "audit.read"}) {
		t.Errorf("an admin gives what they have: %v %v", k.Scopes, err)
	}
	if k, err := w.UpdateKey(ctx, bob.Actor, bobs.ID, KeyChange{Scopes: []string{actor.All}}); err != nil || k.Scopes[0] != actor.All {
		t.Errorf("one's own key to all: %v %v", k.Scopes, err)
	}
	name := "mine"
	_, err = w.UpdateKey(ctx, bob.Actor, owners.ID, KeyChange{Name: &name})
	wants(t, "another's key", err, fault.NotFound, "No such API key")
	_, err = w.APIKey(ctx, bob.Actor, owners.ID)
	wants(t, "another's key, to see", err, fault.NotFound, "No such API key")

	// A key that changes keys gives no more than itself.
	secret, weak := keyOf(t, w, bob.Actor, NewKey{Name: "weak", Scopes: []string{"keys.*", "chat.*"}, Models: []string{"gpt-4"}})
	who, err := w.Authenticate(bearer(secret))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]KeyChange{"scopes": {Scopes: []string{"embeddings.*"}}, "all": {Scopes: []string{actor.All}}, "models": {Models: ptr(ptr([]string{"davinci"}))}} {
		_, err = w.UpdateKey(ctx, who, weak.ID, c)
		if fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a key gives itself more %s: %v", what, err)
		}
	}
	if k, err := w.UpdateKey(ctx, who, weak.ID, KeyChange{Models: ptr[*[]string](nil)}); err != nil || !slices.Equal(k.Models, []string{"gpt-4"}) {
		t.Errorf("all models, by a key of one: %v %v", k.Models, err)
	}

	// Another organization's owner does not find it.
	token, _, err := w.CreateOrganization(ctx, "second", "boss@example.com")
	if err != nil {
		t.Fatal(err)
	}
	boss, err := w.Accept(ctx, token, actor.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.UpdateKey(ctx, boss.Actor, bobs.ID, KeyChange{Name: &name})
	wants(t, "another organization's key", err, fault.NotFound, "No such API key")
}

func ptr[T any](v T) *T { return &v }

// TestMemberships: a user sees where they may act, a key its own place alone.
func TestMemberships(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		w.clock.Advance(time.Second)
		two, err := w.CreateProject(ctx, w.owner, "Two")
		if err != nil {
			t.Fatal(err)
		}
		ann := w.join(t, "ann@example.com", actor.Member, ProjectRole{two.ID, actor.Owner})
		w.clock.Advance(time.Second) // the older organization comes first
		token, o, err := w.CreateOrganization(ctx, "second", "ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Accept(ctx, token, ann.Actor)
		if err != nil {
			t.Fatal(err)
		}
		list, err := w.Memberships(ctx, again.Actor)
		if err != nil || len(list) != 2 || list[0].Role != actor.Member || len(list[0].Projects) != 1 || list[0].Projects[0] != (ProjectPlace{two.ID, "Two", actor.Owner}) ||
			list[1].ID != o.ID || list[1].Role != actor.Owner || list[1].Projects[0].Role != actor.Member {
			t.Errorf("%+v %v", list, err)
		}
		// Who looks after the organization may act in its projects without being in them.
		signed := w.owner
		signed.Session = "sess_1"
		if list, err := w.Memberships(ctx, signed); err != nil || len(list) != 1 || len(list[0].Projects) != 2 || list[0].Projects[0].Name != "Default project" {
			t.Errorf("%+v %v", list, err)
		}
		if _, err := w.ArchiveProject(ctx, w.owner, two.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Memberships(ctx, signed); err != nil || len(list[0].Projects) != 1 {
			t.Errorf("an archived project is shown: %+v %v", list, err)
		}
		secret, k := keyOf(t, w, again.Actor, NewKey{})
		who, err := w.Authenticate(bearer(secret))
		if err != nil {
			t.Fatal(err)
		}
		if list, err := w.Memberships(ctx, who); err != nil || len(list) != 1 || list[0].ID != o.ID || len(list[0].Projects) != 1 || list[0].Projects[0].ID != k.Project {
			t.Errorf("a key: %+v %v", list, err)
		}
	})
}

// TestProjectOwners: who owns a project looks after its members, keys and service accounts, and after those of no other.
func TestProjectOwners(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ctx := t.Context()
		two, err := w.CreateProject(ctx, w.owner, "Two")
		if err != nil {
			t.Fatal(err)
		}
		ann, bob := w.join(t, "ann@example.com", actor.Member, ProjectRole{two.ID, actor.Owner}), w.join(t, "bob@example.com", actor.Member)
		who := ann.Actor
		if !who.May(actor.ProjectWrite) || who.May(actor.OrganizationRead) || bob.Actor.May(actor.ProjectRead) {
			t.Fatalf("%v %v", who.Scopes, bob.Actor.Scopes)
		}
		if m, err := w.AddProjectUser(ctx, who, two.ID, "", "bob@example.com", actor.Member); err != nil || m.ID != bob.Actor.User {
			t.Errorf("%+v %v", m, err)
		}
		if m, err := w.SetProjectRole(ctx, who, two.ID, bob.Actor.User, actor.Owner); err != nil || m.Role != actor.Owner {
			t.Errorf("%+v %v", m, err)
		}
		secret, account, k, err := w.CreateServiceAccount(ctx, who, two.ID, "robot", false)
		if err != nil {
			t.Fatal(err)
		}
		robot, err := w.Authenticate(bearer(secret))
		if err != nil || robot.May(actor.ProjectRead) || !robot.May(actor.ChatWrite) {
			t.Errorf("a service account that is a member: %v %v", robot.Scopes, err)
		}
		if keys, _, err := w.ProjectKeys(ctx, who, two.ID, "", store.Paging{}); err != nil || len(keys) != 1 || keys[0].ID != k.ID {
			t.Errorf("%v %v", keys, err)
		}
		if _, err := w.RenameProject(ctx, who, two.ID, "Zwei"); err != nil {
			t.Error(err)
		}
		if err := w.DeleteServiceAccount(ctx, who, two.ID, account.ID); err != nil {
			t.Error(err)
		}
		if err := w.RemoveProjectUser(ctx, who, two.ID, bob.Actor.User); err != nil {
			t.Error(err)
		}
		first := w.owner.Project
		_, _, listErr := w.ProjectUsers(ctx, who, first, store.Paging{})
		wants(t, "another project's members", listErr, fault.NotFound, "No such project")
		_, err = w.AddProjectUser(ctx, who, first, who.User, "", actor.Owner)
		wants(t, "oneself into another project", err, fault.NotFound, "No such project")
		_, _, _, err = w.CreateServiceAccount(ctx, who, first, "spy", false)
		wants(t, "a service account of another project", err, fault.NotFound, "No such project")
		_, _, err = w.ProjectKeys(ctx, who, first, "", store.Paging{})
		wants(t, "another project's keys", err, fault.NotFound, "No such project")

		// As a reader of the organization, the same user sees only.
		if _, err := w.SetRole(ctx, w.owner, who.User, actor.Reader); err != nil {
			t.Fatal(err)
		}
		if now, err := w.Authenticate(cookie(ann.Secret)); err != nil || now.May(actor.ProjectRead) {
			t.Errorf("%v %v", now.Scopes, err)
		}
	})
}

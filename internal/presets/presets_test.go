package presets

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	ann   = actor.Actor{Org: "org-1", Project: "proj_1", User: "user-ann", Role: actor.Member}
	bob   = actor.Actor{Org: "org-1", Project: "proj_2", User: "user-bob", Role: actor.Member}
	admin = actor.Actor{Org: "org-1", Project: "proj_1", User: "user-admin", Role: actor.Admin}
	// The same person, and a service account without a user, in another organization.
	elsewhere = actor.Actor{Org: "org-2", Project: "proj_3", User: "user-ann", Role: actor.Owner}
	service   = actor.Actor{Org: "org-1", Project: "proj_1", Service: "svc_acct_1"}
)

func with(name, mode, settings string, shared bool) Change {
	return Change{Name: &name, Mode: &mode, Settings: jsontext.Value(settings), Shared: &shared}
}

func each(t *testing.T, f func(t *testing.T, s *Service, clk *clock.Fake)) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(time.Date(2024, 1, 10, 12, 0, 0, 0, time.UTC))
		f(t, &Service{DB: db, Clock: clk}, clk)
	})
}

func TestPresetsArePrivateUntilShared(t *testing.T) {
	each(t, func(t *testing.T, s *Service, clk *clock.Fake) {
		p, err := s.Create(t.Context(), ann, with(" Grammar\n check ", "chat", `{"system":"Mend it."}`, false))
		if err != nil || p.Name != "Grammar check" {
			t.Fatalf("%+v, %v", p, err)
		}
		names := func(who actor.Actor) (all []string) {
			list, _, err := s.List(t.Context(), who, store.Paging{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list {
				all = append(all, p.Name)
			}
			return all
		}
		for _, who := range []actor.Actor{bob, admin, elsewhere, service} {
			if _, err := s.Get(t.Context(), who, p.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s%s reads a private preset: %v", who.User, who.Service, err)
			}
			if _, err := s.Update(t.Context(), who, p.ID, Change{}); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s%s changes a private preset: %v", who.User, who.Service, err)
			}
			if err := s.Delete(t.Context(), who, p.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s%s deletes a private preset: %v", who.User, who.Service, err)
			}
			if got := names(who); got != nil {
				t.Errorf("%s%s lists %q", who.User, who.Service, got)
			}
		}

		yes := true
		clk.Advance(time.Minute)
		if p, err = s.Update(t.Context(), ann, p.ID, Change{Shared: &yes}); err != nil || !p.Shared || !p.Updated.After(p.Created) {
			t.Fatalf("%+v, %v", p, err)
		}
		got, err := s.Get(t.Context(), bob, p.ID)
		if err != nil || string(got.Settings) != `{"system":"Mend it."}` || got.Owner != "user-ann" {
			t.Errorf("a shared preset, read by another: %+v, %v", got, err)
		}
		if _, err := s.Update(t.Context(), bob, p.ID, Change{Shared: new(bool)}); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a shared preset, changed by another: %v", err)
		}
		if err := s.Delete(t.Context(), bob, p.ID); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("a shared preset, deleted by another: %v", err)
		}
		if _, err := s.Get(t.Context(), elsewhere, p.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a shared preset, from another organization: %v", err)
		}
		clk.Advance(time.Minute)
		if _, err := s.Create(t.Context(), bob, with("Bob's", "edit", `{}`, false)); err != nil {
			t.Fatal(err)
		}
		if got := names(bob); !slices.Equal(got, []string{"Bob's", "Grammar check"}) {
			t.Errorf("bob lists %q", got)
		}
		if err := s.Delete(t.Context(), admin, p.ID); err != nil {
			t.Errorf("an admin deletes a shared preset: %v", err)
		}
		if _, err := s.Get(t.Context(), ann, p.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a deleted preset: %v", err)
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *Service, _ *clock.Fake) {
		for _, c := range []struct {
			change Change
			param  string
		}{
			{Change{}, "name"},
			{with(" \x00 ", "chat", `{}`, false), "name"},
			{with(strings.Repeat("ㄱ", 101), "chat", `{}`, false), "name"},
			{with("x", "assistants", `{}`, false), "mode"},
			{with("x", "chat", `[]`, false), "settings"},
			{with("x", "chat", `null`, false), "settings"},
			{with("x", "chat", `{"a":"`+strings.Repeat("x", maxSettings)+`"}`, false), "settings"},
		} {
			_, err := s.Create(t.Context(), ann, c.change)
			if e := fault.As(err); e == nil || e.Kind != fault.Invalid || e.Param != c.param {
				t.Errorf("%.80s: %v", fmt.Sprint(c.change), err)
			}
		}
		for _, id := range []string{"", "preset_", "preset_unknown", "chat_x", "preset_\x00"} {
			if _, err := s.Get(t.Context(), ann, id); fault.KindOf(err) != fault.NotFound {
				t.Errorf("preset %q: %v", id, err)
			}
		}
		if _, _, err := s.List(t.Context(), ann, store.Paging{After: "preset_gone"}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a page after an unknown preset: %v", err)
		}
	})
}

func TestThereAreNotTooMany(t *testing.T) {
	each(t, func(t *testing.T, s *Service, clk *clock.Fake) {
		for i := range maxPresets {
			clk.Advance(time.Second)
			if _, err := s.Create(t.Context(), service, with(fmt.Sprint(i), "complete", `{}`, false)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Create(t.Context(), service, with("one more", "complete", `{}`, false)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("one more: %v", err)
		}
		if _, err := s.Create(t.Context(), ann, with("somebody else's", "complete", `{}`, false)); err != nil {
			t.Errorf("somebody else's: %v", err)
		}
		first, more, err := s.List(t.Context(), service, store.Paging{Limit: 100})
		if err != nil || !more || len(first) != 100 || first[0].Name != "499" || len(first[0].Settings) > 0 {
			t.Errorf("first page: %d, %v, %v", len(first), more, err)
		}
	})
}

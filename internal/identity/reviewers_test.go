package identity

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestReviewers: the operator names them; it counts for their browser sessions alone, from the next request on, and not while a second
// factor is missing.
func TestReviewers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		w := start(t, db)
		token, _, err := w.Invite(ctx, w.owner, "rita@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		session, err := w.Accept(ctx, token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		secret, _, err := w.CreateKey(ctx, session.Actor, NewKey{Name: "hers"})
		if err != nil {
			t.Fatal(err)
		}
		is := func() (browser, key bool) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: Cookie, Value: session.Secret})
			who, err := w.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			program, err := w.Authenticate(bearer(secret))
			if err != nil {
				t.Fatal(err)
			}
			return who.May(actor.Review), program.May(actor.Review)
		}
		if browser, key := is(); browser || key {
			t.Error("a reviewer before she was named")
		}
		if _, err := w.AddReviewer(ctx, w.owner, "nobody@example.com"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
		for range 2 { // the second time changes nothing
			if r, err := w.AddReviewer(ctx, w.owner, "Rita@example.com"); err != nil || r.User != session.Actor.User {
				t.Fatalf("%+v %v", r, err)
			}
		}
		if browser, key := is(); !browser || key {
			t.Errorf("her session: %v, her key: %v", browser, key)
		}
		if _, err := db.Exec(ctx, `UPDATE organizations SET require_second_factor = TRUE`); err != nil {
			t.Fatal(err)
		}
		w.Forget(func(actor.Actor) bool { return true })
		if browser, _ := is(); browser {
			t.Error("without the second factor that her organization requires")
		}
		if _, err := db.Exec(ctx, `UPDATE organizations SET require_second_factor = FALSE`); err != nil {
			t.Fatal(err)
		}
		if list, err := w.Reviewers(ctx); err != nil || len(list) != 1 || list[0].Email != "rita@example.com" {
			t.Errorf("%+v %v", list, err)
		}
		w.Forget(func(actor.Actor) bool { return true })
		if browser, _ := is(); !browser {
			t.Error("no longer a reviewer")
		}
		if _, err := w.RemoveReviewer(ctx, w.owner, "rita@example.com"); err != nil {
			t.Fatal(err)
		}
		if browser, _ := is(); browser {
			t.Error("still a reviewer")
		}
		if _, err := w.RemoveReviewer(ctx, w.owner, session.Actor.User); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%v", err)
		}
		lines, _, err := w.audit.List(ctx, w.owner, audit.Filter{Objects: []string{session.Actor.User}, Types: []string{"reviewer.added", "reviewer.deleted"}}, store.Paging{})
		if err != nil || len(lines) != 2 || lines[0].User != w.owner.User {
			t.Errorf("%+v %v", lines, err)
		}
	})
}

package retention

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func code(err error) string {
	if f := fault.As(err); f != nil {
		return f.Code
	}
	return ""
}

// TestReview: from the flag to the decision, each step with its line in the log of the organization whose request it is.
func TestReview(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBench(t, db, nil)
		id := b.ask(bob, "bad?", "no")
		item, err := b.Flag(ctx, ann, "", id, SourceOperator, " reported by a user ")
		if err != nil || item.Org != "org-b" || item.Reason != "reported by a user" || item.State != Open || item.FlaggedBy != "user-ann" {
			t.Fatalf("%+v %v", item, err)
		}
		if again, err := b.Flag(ctx, ann, "org-b", id, SourceOperator, "again"); err != nil || again.ID != item.ID || again.Reason != item.Reason {
			t.Errorf("%+v %v", again, err)
		}
		if _, _, err := b.Look(ctx, rita, item.ID); code(err) != "item_not_claimed" {
			t.Errorf("looked without a claim: %v", err)
		}
		got, err := b.Next(ctx, rita)
		if err != nil || got.ID != item.ID || got.ClaimedBy != "user-rita" {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := b.Next(ctx, rolf); code(err) != "queue_empty" {
			t.Errorf("a second reviewer got it: %v", err)
		}
		for what, err := range map[string]error{
			"claim": second(b.Claim(ctx, rolf, item.ID)), "release": second(b.Release(ctx, rolf, item.ID)), "decide": second(b.Decide(ctx, rolf, item.ID, NoAction, "", "")),
			"look": third(b.Look(ctx, rolf, item.ID)),
		} {
			if code(err) != "item_claimed" {
				t.Errorf("%s of another's item: %v", what, err)
			}
		}
		if len(b.lines("org-b", ItemLooked)) != 0 {
			t.Error("a look that was refused is in the log")
		}
		_, r, err := b.Look(ctx, rita, item.ID)
		if err != nil || string(r.Request) != "bad?" || string(r.Response) != "no" {
			t.Fatalf("%+v %v", r, err)
		}
		looks := b.lines("org-b", ItemLooked)
		if len(looks) != 1 || looks[0].Email != "rita@example.com" || looks[0].Object != item.ID || !strings.Contains(string(looks[0].After), id) {
			t.Errorf("%+v", looks)
		}
		if _, err := b.Release(ctx, rita, item.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Claim(ctx, rolf, item.ID); err != nil {
			t.Fatal(err)
		}
		for _, bad := range [][3]string{{"delete", "", ""}, {Warn, "note", " "}, {NoAction, "", "message"}, {NoAction, strings.Repeat("x", maxText+1), ""}, {NoAction, "a\x00", ""}} {
			if _, err := b.Decide(ctx, rolf, item.ID, bad[0], bad[1], bad[2]); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%.20q: %v", bad, err)
			}
		}
		if item, err = b.Decide(ctx, rolf, item.ID, Warn, "seen before", "Please do not."); err != nil || item.State != Decided || item.Decision != Warn {
			t.Fatalf("%+v %v", item, err)
		}
		if w, err := b.Warnings(ctx, "org-b"); err != nil || len(w) != 1 || w[0].Message != "Please do not." || w[0].RequestID != id {
			t.Errorf("%+v %v", w, err)
		}
		if _, err := b.Claim(ctx, rita, item.ID); code(err) != "item_decided" {
			t.Errorf("claimed what is decided: %v", err)
		}
		for kind, n := range map[string]int{ItemFlagged: 1, ItemClaimed: 2, ItemLooked: 1, ItemReleased: 1, ItemDecided: 1} {
			if got := len(b.lines("org-b", kind)); got != n {
				t.Errorf("%d lines of %s, want %d", got, kind, n)
			}
		}
		if lines := b.lines("org-b", ItemDecided); strings.Contains(string(lines[0].After), "seen before") {
			t.Error("the reviewers' note is in the organization's log")
		}
		if n := len(b.lines("org-a", ItemFlagged)); n != 0 {
			t.Errorf("%d lines in another organization's log", n)
		}
	})
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// TestOnlyReviewers: nobody else gets at the queue, whatever they are.
func TestOnlyReviewers(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	b := newBench(t, db, nil)
	id := b.ask(ann, "a", "b")
	item, err := b.Flag(t.Context(), ann, "", id, SourceOperator, "x")
	if err != nil {
		t.Fatal(err)
	}
	operator := ann
	operator.Operator = true
	key := rita
	key.Session, key.Key = "", "key_r"
	for name, who := range map[string]actor.Actor{"owner": ann, "operator": operator, "a reviewer's key": key, "nobody": {}} {
		ctx := t.Context()
		_, _, list := b.Items(ctx, who, "", false, store.Paging{})
		_, _, look := b.Look(ctx, who, item.ID)
		for what, err := range map[string]error{"items": list, "look": look, "next": second(b.Next(ctx, who)), "claim": second(b.Claim(ctx, who, item.ID)),
			"release": second(b.Release(ctx, who, item.ID)), "decide": second(b.Decide(ctx, who, item.ID, NoAction, "", ""))} {
			if fault.KindOf(err) != fault.Forbidden {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// TestFlagging: what is not kept, or is no id, cannot be flagged, nor for another organization.
func TestFlagging(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	b := newBench(t, db, nil)
	id := b.ask(ann, "a", "b")
	for _, bad := range [][2]string{{"", ids.New("req_")}, {"org-b", id}, {"", "x"}, {"", "req_'; --"}, {"", ""}} {
		if _, err := b.Flag(t.Context(), ann, bad[0], bad[1], SourceOperator, "x"); code(err) != "request_not_found" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := b.Flag(t.Context(), ann, "", id, SourceOperator, " "); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a reason: %v", err)
	}
}

// TestTwoReviewersAtOnce: of many who ask at once nobody gets what another has.
func TestTwoReviewersAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		const items = 20
		for range items {
			id := b.ask(ann, "a", "b")
			if _, err := b.Flag(t.Context(), ann, "", id, SourceOperator, "x"); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		owners := map[string]string{}
		var wg sync.WaitGroup
		for i := range 8 {
			who := rita
			who.User = "user-" + string(rune('a'+i))
			wg.Go(func() {
				for {
					item, err := b.Next(t.Context(), who)
					if code(err) == "queue_empty" {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if other := owners[item.ID]; other != "" {
						t.Errorf("%s and %s have %s", other, who.User, item.ID)
					}
					owners[item.ID] = who.User
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(owners) != items {
			t.Errorf("%d items were given out", len(owners))
		}
	})
}

// TestClaimsEnd: an item whose reviewer does nothing is open again.
func TestClaimsEnd(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		id := b.ask(ann, "a", "b")
		item, err := b.Flag(t.Context(), ann, "", id, SourceOperator, "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Claim(t.Context(), rita, item.ID); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(claimTime)
		list, _, err := b.Items(t.Context(), rolf, Open, false, store.Paging{})
		if err != nil || len(list) != 1 || list[0].State != Open || list[0].ClaimedBy != "" {
			t.Errorf("%+v %v", list, err)
		}
		if _, _, err := b.Look(t.Context(), rita, item.ID); code(err) != "item_not_claimed" {
			t.Errorf("looked after the time: %v", err)
		}
		if _, err := b.Claim(t.Context(), rolf, item.ID); err != nil {
			t.Error(err)
		}
		for state, n := range map[string]int{"": 1, Open: 0, Claimed: 1, Decided: 0} {
			if list, _, err := b.Items(t.Context(), rolf, state, false, store.Paging{}); err != nil || len(list) != n {
				t.Errorf("%q: %d %v", state, len(list), err)
			}
		}
		if list, _, err := b.Items(t.Context(), rita, "", true, store.Paging{}); err != nil || len(list) != 0 {
			t.Errorf("%d are still hers, %v", len(list), err)
		}
		if _, _, err := b.Queue(t.Context(), ann, "x", store.Paging{}); fault.KindOf(err) != fault.Invalid {
			t.Error(err)
		}
	})
}

// TestSample: at a rate of one every request is in the queue, at none no request is.
func TestSample(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		b.ask(ann, "unseen", "x")
		if err := b.SetInstallation(t.Context(), ann, nil, 1); err != nil {
			t.Fatal(err)
		}
		id := b.ask(ann, "seen", "x")
		b.flush()
		list, _, err := b.Items(t.Context(), rita, "", false, store.Paging{})
		if err != nil || len(list) != 1 || list[0].RequestID != id || list[0].Source != SourceSample || list[0].Project != "proj_a" {
			t.Fatalf("%+v %v", list, err)
		}
		if _, err := b.Claim(t.Context(), rita, list[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, r, err := b.Look(t.Context(), rita, list[0].ID); err != nil || string(r.Request) != "seen" {
			t.Errorf("%+v %v", r, err)
		}
	})
}

// TestShared: only what came after opting in, while opted in, and each export is in the organization's log before it begins.
func TestShared(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		b := newBench(t, db, nil)
		export := func(since, until time.Time) string {
			t.Helper()
			out := ""
			if err := b.Shared(ctx, ann, since, until, func(org string, r Record) error {
				if len(b.lines(org, SharedExported)) == 0 {
					t.Error("given before the log has it")
				}
				out += org + ":" + string(r.Request) + " "
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		b.ask(ann, "before", "x")
		b.ask(bob, "never", "x")
		b.clock.Advance(time.Minute)
		if got := export(time.Time{}, time.Time{}); got != "" {
			t.Errorf("shared without consent: %s", got)
		}
		if err := b.Set(ctx, ann, "org-a", nil, true); err != nil {
			t.Fatal(err)
		}
		in := b.clock.Now()
		b.ask(ann, "one", "x")
		b.clock.Advance(time.Minute)
		b.ask(ann, "two", "x")
		b.ask(bob, "never", "x")
		if err := b.Set(ctx, ann, "org-a", days(7), true); err != nil || !b.Settings("org-a").SharedSince.Equal(in) {
			t.Errorf("%v %+v", err, b.Settings("org-a"))
		}
		if got := export(time.Time{}, time.Time{}); got != "org-a:one org-a:two " {
			t.Errorf("%q", got)
		}
		if got := export(b.clock.Now(), time.Time{}); got != "org-a:two " {
			t.Errorf("%q", got)
		}
		if got := export(in.Add(-time.Hour), b.clock.Now()); got != "org-a:one " {
			t.Errorf("%q", got)
		}
		if err := b.Set(ctx, ann, "org-a", nil, false); err != nil {
			t.Fatal(err)
		}
		if got := export(time.Time{}, time.Time{}); got != "" {
			t.Errorf("shared after opting out: %s", got)
		}
		b.clock.Advance(time.Minute)
		b.ask(ann, "between", "x")
		b.clock.Advance(time.Minute)
		if err := b.Set(ctx, ann, "org-a", nil, true); err != nil {
			t.Fatal(err)
		}
		b.ask(ann, "three", "x")
		if got := export(time.Time{}, time.Time{}); got != "org-a:three " {
			t.Errorf("%q", got)
		}
		if n := len(b.lines("org-a", SharedExported)); n != 4 {
			t.Errorf("%d lines", n)
		}
		// Who opts out in the middle gives no more than the block that is open.
		for range 3 {
			b.ask(ann, "more", "x")
			b.flush()
		}
		seen := 0
		stopped := errors.New("stopped")
		if err := b.Shared(ctx, ann, time.Time{}, time.Time{}, func(string, Record) error {
			if seen++; seen == 1 {
				return b.Set(context.WithoutCancel(ctx), ann, "org-a", nil, false)
			}
			return stopped
		}); err != nil || seen != 1 {
			t.Errorf("%d, %v", seen, err)
		}
		if err := b.Set(ctx, ann, "org-a", days(0), true); code(err) != "nothing_to_share" {
			t.Errorf("%v", err)
		}
	})
}

// FuzzUnpack: a block of any bytes is read or refused, and what was packed comes out.
func FuzzUnpack(f *testing.F) {
	p, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	good, err := p.pack([]*waiting{{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "request")
	f.Add([]byte{}, "")
	f.Add(p.encoder.EncodeAll([]byte{0, 0, 0, 2, '{', '}'}, nil), "x")
	f.Add(p.encoder.EncodeAll([]byte(`   z{"lengths":[-1,9]}`), nil), "x")
	f.Fuzz(func(t *testing.T, data []byte, body string) {
		_ = unpack(data, func(Record) bool { return true })
		_ = unpack(p.encoder.EncodeAll(data, nil), func(Record) bool { return true })
		w := &waiting{}
		w.Request, w.Response = []byte(body), data
		packed, err := p.pack([]*waiting{w, w})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := unpack(packed, func(r Record) bool {
			n++
			return string(r.Request) == body && string(r.Response) == string(data)
		}); err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

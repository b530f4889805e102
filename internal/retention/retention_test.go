package retention

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	begin = time.Date(2023, 11, 6, 18, 0, 0, 0, time.UTC)
	ann   = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-ann", Session: "sess_a", Email: "ann@example.com", Role: actor.Owner, Scopes: []string{actor.All}}
	bob   = actor.Actor{Org: "org-b", Project: "proj_b", User: "user-bob", Key: "key_b", Role: actor.Owner, Scopes: []string{actor.All}}
	rita  = actor.Actor{Org: "org-a", User: "user-rita", Session: "sess_r", Email: "rita@example.com", Reviewer: true}
	rolf  = actor.Actor{Org: "org-b", User: "user-rolf", Session: "sess_s", Email: "rolf@example.com", Reviewer: true}
)

// bench is a server's part on a database.
type bench struct {
	*Service
	t     testing.TB
	clock *clock.Fake
	log   *audit.Log
}

// firstKey is the installation's.
const firstKey = "dGVzdHMgb25seTogdGhpcnR5LXR3byBieXRlcyBsb24="

func keysOf(t testing.TB, db *store.DB, setting string) *secrets.Keys {
	t.Helper()
	keys, err := secrets.Open(t.Context(), secrets.Options{DB: db, Setting: setting, Clock: clock.System, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newBench(t testing.TB, db *store.DB, change func(*Options)) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewFake(begin)}
	b.log = audit.New(db, b.clock)
	var err error
	o := Options{DB: db, Bus: bus.NewLocal(), Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Days: 30, Interval: 10 * time.Millisecond,
		Names: func(context.Context) (map[string]string, error) { return map[string]string{"org-a": "acme"}, nil }}
	if change != nil {
		change(&o)
	}
	if o.Keys == nil {
		o.Keys = keysOf(t, db, firstKey)
	}
	if b.Service, err = New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

// ask keeps a request of who and returns its id.
func (b *bench) ask(who actor.Actor, question, answer string) string {
	x := httpapi.Exchange{RequestID: ids.New("req_"), Actor: who, Op: "createChatCompletion", Started: b.clock.Now(), Status: 200,
		Request: []byte(question), Response: []byte(answer), RequestSize: int64(len(question)), ResponseSize: int64(len(answer))}
	if most := b.Keeps(who); most > 0 {
		b.Keep(x)
	}
	return x.RequestID
}

func (b *bench) flush() {
	b.t.Helper()
	if err := b.Flush(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) sweepNow() {
	b.t.Helper()
	if err := b.Sweep(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) requests(org string) int64 {
	b.t.Helper()
	s, err := b.Stored(b.t.Context(), org)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.Requests
}

// lines are those of a type in an organization's audit log, the newest first.
func (b *bench) lines(org, kind string) []audit.Line {
	b.t.Helper()
	lines, _, err := b.log.List(b.t.Context(), actor.Actor{Org: org}, audit.Filter{Types: []string{kind}}, store.Paging{Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	return lines
}

func (b *bench) proofs(org string) []Deletion {
	b.t.Helper()
	var out []Deletion
	for _, l := range b.lines(org, Proof) {
		var d Deletion
		if err := json.Unmarshal(l.After, &d); err != nil {
			b.t.Fatal(err)
		}
		if l.User != "" || l.Key != "" || !strings.HasPrefix(l.Object, "rkey_") {
			b.t.Errorf("a proof of %+v", l)
		}
		out = append(out, d)
	}
	return out
}

func days(n int) *int { return &n }

// TestThirtyDays: what is kept can be read for thirty days, by another process too, and is deleted after them with proof, of each
// organization by itself.
func TestThirtyDays(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		id := b.ask(ann, "What is a parley?", "A talk between enemies.")
		b.ask(bob, "Bob's", "own")
		b.clock.Advance(6*time.Hour - time.Second) // the last second of the day
		b.ask(ann, "the day's last", "answer")
		b.flush()
		item, err := b.Flag(t.Context(), ann, "", id, SourceOperator, "reported")
		if err != nil || item.Org != "org-a" {
			t.Fatalf("%+v %v", item, err)
		}
		again := newBench(t, db, func(o *Options) { o.Clock = b.clock })
		read := func() (Record, error) {
			if _, err := again.Claim(t.Context(), rita, item.ID); err != nil {
				t.Fatal(err)
			}
			_, r, err := again.Look(t.Context(), rita, item.ID)
			return r, err
		}
		r, err := read()
		if err != nil || string(r.Request) != "What is a parley?" || string(r.Response) != "A talk between enemies." || r.Project != "proj_a" || r.User != "user-ann" || !r.At.Equal(begin) {
			t.Fatalf("%+v %v", r, err)
		}
		b.clock.Advance(30 * 24 * time.Hour)
		b.sweepNow()
		if n := b.requests("org-a"); n != 2 {
			t.Fatalf("%d requests a second before their time", n)
		}
		if _, err := read(); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Second)
		b.sweepNow()
		if n := b.requests(""); n != 0 {
			t.Errorf("%d requests are left", n)
		}
		for _, table := range []string{"retention_blocks", "retention_keys"} {
			var n int
			if err := db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s has %d rows %v", table, n, err)
			}
		}
		if _, err := read(); fault.As(err) == nil || fault.As(err).Code != "bodies_deleted" {
			t.Errorf("read after deletion: %v", err)
		}
		proofs := b.proofs("org-a")
		if len(proofs) != 1 || proofs[0].Requests != 2 || proofs[0].Blocks < 1 || proofs[0].Bytes == 0 || proofs[0].Reason != byAge || proofs[0].Day != "2023-11-06" ||
			!proofs[0].First.Equal(begin) || !proofs[0].Unreadable.Equal(b.clock.Now()) {
			t.Errorf("%+v", proofs)
		}
		if proofs := b.proofs("org-b"); len(proofs) != 1 || proofs[0].Requests != 1 {
			t.Errorf("%+v", proofs)
		}
		b.sweepNow()
		if n := len(b.lines("org-a", Proof)); n != 1 {
			t.Errorf("%d proofs of one deletion", n)
		}
	})
}

// TestSettings: a shorter time deletes what is stored, zero keeps nothing and deletes all, one's own wins over the installation's,
// and each change is in the log.
func TestSettings(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		for range 10 {
			b.ask(ann, "a", "b")
			b.ask(bob, "a", "b")
			b.flush()
			b.clock.Advance(24 * time.Hour)
		}
		if err := b.Set(t.Context(), ann, "org-a", days(3), false); err != nil {
			t.Fatal(err)
		}
		b.sweepNow()
		if a, o := b.requests("org-a"), b.requests("org-b"); a != 3 || o != 10 { // today has none yet
			t.Errorf("%d and %d requests", a, o)
		}
		if n := len(b.proofs("org-a")); n != 7 {
			t.Errorf("%d proofs", n)
		}
		b.clock.Advance(time.Second)
		if err := b.SetInstallation(t.Context(), ann, days(0), 0); err != nil {
			t.Fatal(err)
		}
		if b.Keeps(bob) != 0 || b.Keeps(ann) != MaxBody {
			t.Error("the installation's setting is not that of those who say nothing")
		}
		b.sweepNow()
		if a, o := b.requests("org-a"), b.requests("org-b"); a != 3 || o != 0 {
			t.Errorf("%d and %d requests", a, o)
		}
		if p := b.proofs("org-b"); len(p) != 10 || p[0].Reason != bySetting {
			t.Errorf("%+v", p)
		}
		// What waits in memory when nothing is to be kept any more is not written.
		b.clock.Advance(time.Second)
		b.ask(ann, "late", "late")
		if err := b.Set(t.Context(), ann, "org-a", days(0), false); err != nil {
			t.Fatal(err)
		}
		b.ask(ann, "later", "later")
		b.flush()
		b.sweepNow()
		if n := b.requests(""); n != 0 {
			t.Errorf("%d requests", n)
		}
		lines := b.lines("org-a", SettingUpdated)
		if len(lines) != 3 || string(lines[0].Before) != `{"days":3,"share_for_training":false}` || string(lines[0].After) != `{"days":0,"share_for_training":false}` ||
			lines[0].Email != "ann@example.com" || string(lines[1].After) != `{"default_days":0,"sample_rate":0}` {
			t.Errorf("%+v", lines)
		}
		if err := b.Set(t.Context(), ann, "org-a", nil, false); err != nil || b.Settings("org-a").Days != 0 || b.Settings("org-a").Own != nil {
			t.Errorf("%v %+v", err, b.Settings("org-a"))
		}
		if err := b.SetInstallation(t.Context(), ann, nil, 0); err != nil || b.Settings("org-a").Days != 30 || b.Installation().Set {
			t.Errorf("%v %+v", err, b.Installation())
		}
		for _, n := range []int{-1, 366} {
			if err := b.Set(t.Context(), ann, "org-a", days(n), false); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%d days: %v", n, err)
			}
		}
		for _, rate := range []float64{-0.1, 1.1} {
			if err := b.SetInstallation(t.Context(), ann, nil, rate); fault.KindOf(err) != fault.Invalid {
				t.Errorf("a rate of %v: %v", rate, err)
			}
		}
	})
}

// TestAnotherServer: what one server sets the others follow, and a key that one destroys is not written with by another.
func TestAnotherServer(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		hints := bus.NewLocal()
		one := newBench(t, db, func(o *Options) { o.Bus = hints })
		two := newBench(t, db, func(o *Options) { o.Bus = hints })
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { two.Run(ctx); close(done) }()
		defer func() { stop(); <-done }()
		two.ask(ann, "before", "x")
		two.flush()
		if err := one.Set(t.Context(), ann, "org-a", days(0), false); err != nil {
			t.Fatal(err)
		}
		one.sweepNow()
		for end := time.Now().Add(20 * time.Second); two.Keeps(ann) != 0; {
			if time.Now().After(end) {
				t.Fatal("the second server still keeps")
			}
			hints.Publish(topic, "org-a") // it may not have listened yet
			time.Sleep(time.Millisecond)
		}
		if err := one.Set(t.Context(), ann, "org-a", nil, false); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(20 * time.Second); two.Keeps(ann) == 0; {
			if time.Now().After(end) {
				t.Fatal("the second server keeps nothing")
			}
			time.Sleep(time.Millisecond)
		}
		id := two.ask(ann, "after", "x") // the key that the second server holds was destroyed
		two.flush()
		if _, err := one.Flag(t.Context(), ann, "org-a", id, SourceOperator, "x"); err != nil || one.requests("org-a") != 1 {
			t.Errorf("%v, %d requests", err, one.requests("org-a"))
		}
	})
}

// TestKilled: a deletion that a dead process began is ended, with one proof.
func TestKilled(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		for range 3 {
			b.ask(ann, "a", "b")
			b.flush()
		}
		keys, err := liveKeys(t.Context(), db.Read())
		if err != nil || len(keys) != 1 {
			t.Fatalf("%v %v", keys, err)
		}
		if _, err := destroyKey(t.Context(), db, keys[0].id, byAge, begin); err != nil {
			t.Fatal(err)
		}
		if _, err := removeBlocks(t.Context(), db, keys[0].id, 1); err != nil {
			t.Fatal(err)
		}
		next := newBench(t, db, nil)
		next.sweepNow()
		if p := next.proofs("org-a"); len(p) != 1 || p[0].Requests != 3 || p[0].Blocks != 3 {
			t.Errorf("%+v", p)
		}
	})
}

// TestAtRest: neither bodies nor keys are in the database's files in the clear, and destroyed keys are nowhere in them.
func TestAtRest(t *testing.T) {
	url := storetest.SQLite(t)
	db := storetest.Open(t, url, store.Options{})
	b := newBench(t, db, nil)
	const n = 40
	for range n {
		b.ask(ann, strings.Repeat("the question of questions ", 50), "the answer of answers")
		b.flush()
		b.clock.Advance(24 * time.Hour)
	}
	keys, err := liveKeys(t.Context(), db.Read())
	if err != nil || len(keys) != n {
		t.Fatalf("%v %v", keys, err)
	}
	dir := filepath.Dir(strings.TrimPrefix(url, "sqlite://"))
	holds := func(text string) (found bool) {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(data, []byte(text))
		}
		return found
	}
	if holds("question of questions") || holds("answer of answers") || !holds(keys[0].sealed) {
		t.Errorf("bodies in the clear: %v %v, the sealed key found: %v", holds("question of questions"), holds("answer of answers"), holds(keys[0].sealed))
	}
	b.sweepNow()
	left, err := liveKeys(t.Context(), db.Read())
	if err != nil || len(left) != 30 {
		t.Fatalf("%v %v", left, err)
	}
	for i, k := range keys {
		if holds(k.sealed) != (i >= n-len(left)) {
			t.Errorf("the key of day %d is in the files: %v", i, holds(k.sealed))
		}
	}
}

// TestTraces: keys are gone from SQLite's log also when their organization was deleted with its rows, when the process died right after
// it destroyed them, and when a reader was in the way.
func TestTraces(t *testing.T) {
	for _, how := range []string{"organization", "killed", "reader"} {
		t.Run(how, func(t *testing.T) {
			url := storetest.SQLite(t)
			db := storetest.Open(t, url, store.Options{})
			b := newBench(t, db, nil)
			b.sweepNow()
			b.ask(ann, "question", "answer")
			b.flush()
			keys, err := liveKeys(t.Context(), db.Read())
			if err != nil || len(keys) != 1 {
				t.Fatalf("%v %v", keys, err)
			}
			file := strings.TrimPrefix(url, "sqlite://")
			holds := func() bool {
				log, err := os.ReadFile(file + "-wal")
				if err != nil {
					t.Fatal(err)
				}
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				return bytes.Contains(log, []byte(keys[0].sealed)) || bytes.Contains(data, []byte(keys[0].sealed))
			}
			if !holds() {
				t.Fatal("the test looks in the wrong place")
			}
			switch how {
			case "organization":
				if err := db.Tx(t.Context(), func(tx *store.Tx) error { return b.Forget(t.Context(), tx, ann.Org) }); err != nil {
					t.Fatal(err)
				}
				if _, err := db.Exec(t.Context(), `DELETE FROM retention_keys`); err != nil {
					t.Fatal(err)
				}
			case "killed":
				if _, err := destroyKey(t.Context(), db, keys[0].id, byAge, begin); err != nil {
					t.Fatal(err)
				}
				b = newBench(t, db, nil)
			case "reader":
				rows, err := db.Read().Query(t.Context(), `SELECT id FROM retention_keys UNION ALL SELECT id FROM retention_blocks`)
				if err != nil || !rows.Next() {
					t.Fatal(err)
				}
				zero := 0
				if err := b.Set(t.Context(), ann, ann.Org, &zero, false); err != nil {
					t.Fatal(err)
				}
				b.sweepNow()
				if !holds() {
					t.Error("the reader was not in the way")
				}
				rows.Close()
			}
			b.sweepNow()
			if holds() {
				t.Error("the key is in the files")
			}
		})
	}
}

// TestMemory: what finds no room is dropped and counted, and nobody waits for it.
func TestMemory(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	b := newBench(t, db, func(o *Options) { o.Budget = 1 << 20; o.Interval = time.Hour })
	big := strings.Repeat("x", 300<<10)
	for range 4 {
		b.ask(ann, big, "")
	}
	if in := b.Installation(); in.Dropped != 1 || in.Waiting < 900<<10 || in.Waiting > 1<<20 {
		t.Errorf("%+v", in)
	}
	b.flush()
	if in := b.Installation(); in.Waiting != 0 || in.Kept != 3 || b.requests("org-a") != 3 {
		t.Errorf("%+v, %d requests", in, b.requests("org-a"))
	}
}

// TestFullDisk: while the database is full requests wait in memory, and are written when it is not.
func TestFullDisk(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	b := newBench(t, db, nil)
	b.ask(ann, "first", "x")
	b.flush()
	if _, err := db.Exec(t.Context(), `PRAGMA max_page_count = 1`); err != nil { // it stays at what there is
		t.Fatal(err)
	}
	noise := []byte(strings.Repeat(ids.New(""), 1)) // what does not compress away
	for len(noise) < 200<<10 {
		noise = append(noise, ids.Random(24)...)
	}
	b.ask(ann, string(noise), "x")
	wait, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if err := b.Flush(wait); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("written to a full database: %v", err)
	}
	if in := b.Installation(); in.Dropped != 0 || in.Waiting == 0 {
		t.Errorf("%+v", in)
	}
	if _, err := db.Exec(t.Context(), `PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	b.flush()
	if n := b.requests("org-a"); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// TestNextInstallationKey: keys are sealed anew with the installation's new key; those that a lost one sealed are destroyed with proof.
func TestNextInstallationKey(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		const secondKey, thirdKey = "dGVzdHMgb25seTogYW5vdGhlciAzMiBieXRlcyBsb24=", "dGVzdHMgb25seTogdGhlIHRoaXJkIGtleSBvZiAzMiE="
		with := func(setting string) *bench {
			return newBench(t, db, func(o *Options) { o.Keys = keysOf(t, db, setting) })
		}
		b := newBench(t, db, nil)
		id := b.ask(ann, "old", "x")
		b.flush()
		next := with(secondKey + "," + firstKey)
		next.sweepNow()
		keys, err := liveKeys(t.Context(), db.Read())
		if err != nil || len(keys) != 1 || next.o.Keys.Stale(keys[0].sealed) {
			t.Fatalf("%v %v", keys, err)
		}
		item, err := next.Flag(t.Context(), ann, "", id, SourceOperator, "x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.Claim(t.Context(), rita, item.ID); err != nil {
			t.Fatal(err)
		}
		if _, r, err := next.Look(t.Context(), rita, item.ID); err != nil || string(r.Request) != "old" {
			t.Errorf("%+v %v", r, err)
		}
		if _, err := db.Exec(t.Context(), `DELETE FROM secret_keys`); err != nil { // all keys are lost
			t.Fatal(err)
		}
		lost := with(thirdKey)
		lost.sweepNow()
		if p := lost.proofs("org-a"); len(p) != 1 || p[0].Reason != byLoss {
			t.Errorf("%+v", p)
		}
		lost.ask(ann, "new", "x")
		lost.flush()
		if n := lost.requests("org-a"); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestForget: an organization that is deleted takes everything with it, in its own transaction.
func TestForget(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		id := b.ask(ann, "a", "b")
		b.ask(bob, "a", "b")
		b.flush()
		if _, err := b.Flag(t.Context(), ann, "", id, SourceOperator, "x"); err != nil {
			t.Fatal(err)
		}
		undone := errors.New("undone")
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return errors.Join(b.Forget(t.Context(), tx, "org-a"), undone) }); !errors.Is(err, undone) || b.requests("org-a") != 1 {
			t.Errorf("%v, %d requests", err, b.requests("org-a"))
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return b.Forget(t.Context(), tx, "org-a") }); err != nil {
			t.Fatal(err)
		}
		b.sweepNow()
		items, _, err := b.Items(t.Context(), rita, "", false, store.Paging{})
		if p := b.proofs("org-a"); err != nil || len(items) != 0 || len(p) != 1 || p[0].Reason != byOrganization || b.requests("org-b") != 1 {
			t.Errorf("%v %+v %+v, %d requests of another", err, items, p, b.requests("org-b"))
		}
	})
}

// TestManyBlocks: deletion goes by batches, and a request is found among many blocks.
func TestManyBlocks(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, nil)
		first := b.ask(ann, "first", "x")
		b.flush()
		n := searchSize + batch
		for i := range n {
			b.clock.Advance(time.Millisecond)
			b.ask(bob, fmt.Sprint(i), "x")
			b.flush()
		}
		if item, err := b.Flag(t.Context(), ann, "", first, SourceOperator, "x"); err != nil || item.Org != "org-a" {
			t.Errorf("%+v %v", item, err)
		}
		b.clock.Advance(32 * 24 * time.Hour)
		b.sweepNow()
		if p := b.proofs("org-b"); len(p) != 1 || p[0].Blocks != int64(n) || p[0].Requests != int64(n) {
			t.Errorf("%+v", p)
		}
	})
}

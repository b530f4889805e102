package health

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var now = time.Date(2024, 1, 25, 12, 0, 0, 0, time.UTC)

// pool is a fake that tells what the test sets.
type pool struct {
	statuses  []engine.Status
	leaving   map[string]int
	processes map[string][]engine.Process
	broken    map[string]error
}

func (p *pool) Statuses() []engine.Status              { return p.statuses }
func (p *pool) Leaving() map[string]int                { return p.leaving }
func (p *pool) Processes() map[string][]engine.Process { return p.processes }
func (p *pool) Probe(context.Context) map[string]error { return p.broken }

// queue is a fake of the jobs' counts.
type queue struct {
	Jobs
	counts jobs.Counts
	err    error
}

func (q *queue) Count(context.Context) (jobs.Counts, error) { return q.counts, q.err }

// pinger is a fake Redis.
type pinger struct{ err error }

func (p pinger) Ping(context.Context) error { return p.err }

// world is a service whose surroundings are set by the test, on a real database.
type world struct {
	o     Options
	pool  *pool
	queue *queue
	free  int64
	mail  Mail
	comps []Component
	chat  string

	bodies Bodies
}

func open(t *testing.T, db *store.DB) *world {
	t.Helper()
	clk := clock.NewFake(now)
	servers, err := presence.Join(t.Context(), presence.Options{DB: db, Clock: clk, Logger: slog.New(slog.DiscardHandler), Home: "home", Host: "desk", Version: "1.0"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{pool: &pool{}, queue: &queue{}, free: 100 << 30, chat: "little"}
	w.o = Options{
		DB: db, Clock: clk, Pool: w.pool, Jobs: w.queue, Servers: servers, Version: "1.0", Dirs: []string{"/home", "/cache"},
		Mail: func(context.Context) (Mail, error) { return w.mail, nil }, Bodies: func() Bodies { return w.bodies }, Status: func(context.Context) []Component { return w.comps },
		Chat: func() string { return w.chat }, Free: func(string) (int64, error) { return w.free, nil },
		Memory: func() (int64, int64) { return 16 << 30, 12 << 30 }, Journal: func() int64 { return 0 },
	}
	return w
}

// find returns a check of the report.
func find(t *testing.T, r Report, id string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("no check %s", id)
	return Check{}
}

func TestAllIsWell(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := open(t, db)
		r := New(w.o).Report(t.Context())
		if r.State != OK || len(r.Checks) != 11 || r.Version != "1.0" || len(r.Servers) != 1 || !r.Servers[0].Self || r.Servers[0].Host != "desk" {
			t.Errorf("%+v", r)
		}
		for _, c := range r.Checks {
			want := OK
			if c.ID == "redis" || c.ID == "mail" {
				want = Off
			}
			if c.State != want || c.Text == "" || c.Code == "" || c.Advice != "" || c.Values == nil {
				t.Errorf("%+v", c)
			}
		}
		if v := find(t, r, "database").Values; v["kind"] != string(db.Dialect()) || v["migration"].(int64) < 150 {
			t.Errorf("%v", v)
		}
	})
}

// TestEachTrouble is told with its code and what to do, and makes the report what the worst check is.
func TestEachTrouble(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	for _, tt := range []struct {
		code  string
		state State
		says  string
		set   func(*world)
	}{
		{"engines_none", Failed, "No chat model", func(w *world) { w.chat = "" }},
		{"engines_failed", Failed, "big cannot answer: out of memory", func(w *world) {
			w.pool.statuses = []engine.Status{{Name: "big", State: engine.StateFailed, Error: "out of memory"}, {Name: "little", State: engine.StateReady}}
		}},
		{"engines_failed", Failed, "little cannot answer: it hangs", func(w *world) {
			w.pool.statuses = []engine.Status{{Name: "little", State: engine.StateReady}}
			w.pool.broken = map[string]error{"little": errors.New("it hangs")}
		}},
		{"engines_restarted", Warning, "little was started again within the last hour: signal: killed", func(w *world) {
			w.pool.statuses = []engine.Status{{Name: "little", State: engine.StateReady}}
			w.pool.processes = map[string][]engine.Process{"little": {{PID: 7, Since: now, Restarts: 2, LastEnd: now.Add(-time.Minute), LastError: "signal: killed"}}}
		}},
		{"queues_long", Warning, "40 of them for little", func(w *world) {
			w.pool.statuses = []engine.Status{{Name: "little", State: engine.StateReady, Active: 4, Queued: 40}}
		}},
		{"jobs_failed", Warning, "3 were given up", func(w *world) { w.queue.counts = jobs.Counts{Failed: 3} }},
		{"jobs_late", Warning, "has been due for", func(w *world) { w.queue.counts = jobs.Counts{Waiting: 1, Oldest: time.Now().Add(-time.Hour)} }},
		{"jobs_away", Failed, "cannot be read", func(w *world) { w.queue.err = errors.New("no table") }},
		{"disk_low", Warning, "1.0 GB free", func(w *world) { w.free = 1e9 }},
		{"disk_full", Failed, "100 MB free", func(w *world) { w.free = 100e6 }},
		{"disk_away", Failed, "cannot be looked at", func(w *world) { w.o.Free = func(string) (int64, error) { return 0, errors.New("gone") } }},
		{"memory_over", Warning, "models take 14.0 GB of 12.9 GB", func(w *world) { w.pool.statuses = []engine.Status{{Name: "big", Memory: 13 << 30}} }},
		{"redis_away", Failed, "refused", func(w *world) { w.o.Redis = pinger{errors.New("refused")} }},
		{"mail_failed", Warning, "2 of the last 30 days were given up: mailbox full", func(w *world) { w.mail = Mail{true, "mail:587", 0, 2, "mailbox full"} }},
		{"bodies_dropped", Warning, "3 requests since the start were not kept", func(w *world) { w.bodies = Bodies{30, 0, 9, 3} }},
		{"status_trouble", Failed, "models is down (no answer)", func(w *world) {
			w.comps = []Component{{"models", "down", "no answer"}, {"jobs", "degraded", "late"}, {"api", "operational", ""}}
		}},
		{"database_journal", Warning, "sqlite", func(w *world) { w.o.Journal = func() int64 { return 1 << 30 } }},
	} {
		t.Run(tt.code, func(t *testing.T) {
			w := open(t, db)
			tt.set(w)
			r := New(w.o).Report(t.Context())
			id, _, _ := strings.Cut(tt.code, "_")
			c := find(t, r, id)
			if c.Code != tt.code || c.State != tt.state || !strings.Contains(c.Text, tt.says) || r.State != tt.state {
				t.Errorf("the whole is %s: %+v", r.State, c)
			}
			if c.Advice == "" && tt.code != "disk_away" {
				t.Error("it does not say what to do")
			}
		})
	}
	w := open(t, db)
	w.o.Redis = pinger{}
	if c := find(t, New(w.o).Report(t.Context()), "redis"); c.State != OK {
		t.Errorf("%+v", c)
	}
}

// TestADatabaseThatIsAway is told, with everything that does not need it.
func TestADatabaseThatIsAway(t *testing.T) {
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := open(t, db)
	s := New(w.o)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := s.Report(t.Context())
	if r.State != Failed || find(t, r, "database").Code != "database_away" || find(t, r, "servers").Code != "servers_away" || find(t, r, "disk").State != OK {
		t.Errorf("%+v", r)
	}
}

func TestEnginesOfTheReport(t *testing.T) {
	w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.pool.statuses = []engine.Status{{Name: "far", State: engine.StateReady, Active: 1}, {Name: "little", State: engine.StateReady, Memory: 5}}
	w.pool.leaving = map[string]int{"old": 3}
	w.pool.processes = map[string][]engine.Process{"little": {{PID: 7, Since: now, Restarts: 1, LastEnd: now.Add(-2 * time.Hour), LastError: "exit status 2"}}}
	r := New(w.o).Report(t.Context())
	if len(r.Engines) != 3 || r.Engines[0].PID != 0 || r.Engines[1].PID != 7 || r.Engines[1].Restarts != 1 || r.Engines[1].LastError != "exit status 2" ||
		r.Engines[2].State != "unloading" || r.Engines[2].Active != 3 {
		t.Errorf("%+v", r.Engines)
	}
	if c := find(t, r, "engines"); c.State != OK {
		t.Errorf("what died hours ago is no trouble now: %+v", c)
	}
}

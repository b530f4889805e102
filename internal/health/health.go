package health

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/store"
)

// State is how something is.
type State string

// The states, from good to bad. Off is what is not there and need not be.
const (
	OK      State = "ok"
	Off     State = "off"
	Warning State = "warning"
	Failed  State = "failed"
)

func (s State) rank() int { return slices.Index([]State{OK, Off, Warning, Failed}, s) }

// Check is one line: how a thing is, and what to do.
type Check struct {
	ID     string         `json:"id" doc:"What was looked at." enum:"database,engines,queues,jobs,disk,memory,servers,redis,mail,bodies,status"`
	State  State          `json:"state" enum:"ok,off,warning,failed"`
	Code   string         `json:"code" doc:"What was found, as a word that stays the same." example:"disk_low"`
	Text   string         `json:"text" doc:"What was found, in English."`
	Advice string         `json:"advice,omitempty" doc:"What to do, in English; none when nothing is."`
	Values map[string]any `json:"values" doc:"The figures of the text, by name: bytes, milliseconds, counts, names."`
}

// OpenAPIName is the schema's name.
func (Check) OpenAPIName() string { return "HealthCheck" }

// Engine is a model that is loaded or was to be.
type Engine struct {
	Model     string `json:"model"`
	State     string `json:"state" enum:"cold,loading,ready,failed,unloading"`
	Active    int    `json:"active" doc:"Requests that it works on."`
	Queued    int    `json:"queued" doc:"Requests that wait for it."`
	Memory    int64  `json:"memory_bytes"`
	PID       int    `json:"pid,omitzero" doc:"Its process; none when it runs elsewhere."`
	Since     int64  `json:"since,omitzero" doc:"When the process was started, seconds since 1970."`
	Restarts  int    `json:"restarts" doc:"How often its process died and was started again since the model was loaded."`
	LastError string `json:"last_error,omitempty" doc:"What failed last."`
	LastEnd   int64  `json:"last_end,omitzero" doc:"When a process of it died last, seconds since 1970."`
}

// OpenAPIName is the schema's name.
func (Engine) OpenAPIName() string { return "HealthEngine" }

// Server is a server of the same database.
type Server struct {
	ID        string `json:"id"`
	Host      string `json:"host"`
	Version   string `json:"version"`
	StartedAt int64  `json:"started_at" doc:"Seconds since 1970."`
	SeenAt    int64  `json:"seen_at" doc:"Its last sign of life, seconds since 1970."`
	Self      bool   `json:"self" doc:"It is the one that answers this."`
}

// OpenAPIName is the schema's name.
func (Server) OpenAPIName() string { return "HealthServer" }

// Report is all of it.
type Report struct {
	Object    string   `json:"object" enum:"health"`
	State     State    `json:"state" enum:"ok,warning,failed" doc:"The worst of the checks."`
	Version   string   `json:"version"`
	StartedAt int64    `json:"started_at" doc:"When this server was started, seconds since 1970."`
	CheckedAt int64    `json:"checked_at" doc:"Seconds since 1970."`
	Checks    []Check  `json:"checks"`
	Engines   []Engine `json:"engines"`
	Servers   []Server `json:"servers"`
}

// OpenAPIName is the schema's name.
func (Report) OpenAPIName() string { return "HealthReport" }

// Pool is where models are loaded; *pool.Pool is one.
type Pool interface {
	Statuses() []engine.Status
	Leaving() map[string]int
	Processes() map[string][]engine.Process
	Probe(ctx context.Context) map[string]error
}

// Jobs are the background jobs; *jobs.Jobs is one.
type Jobs interface {
	Count(ctx context.Context) (jobs.Counts, error)
	Troubled(ctx context.Context, limit int) ([]jobs.Row, error)
	Retry(ctx context.Context, tx *store.Tx, id int64) (jobs.Row, error)
	Discard(ctx context.Context, tx *store.Tx, id int64) (jobs.Row, error)
}

// Redis tells of the counter of limits that several servers share.
type Redis interface {
	Ping(ctx context.Context) error
}

// Mail is how mails go.
type Mail struct {
	Configured     bool
	Server         string
	Queued, Failed int // Failed: in the last 30 days
	LastError      string
}

// Bodies is how keeping bodies of requests goes.
type Bodies struct {
	Days                   int // 0: they are not kept, where an organization says nothing
	Waiting, Kept, Dropped int64
}

// Component is a line of the status page.
type Component struct {
	ID    string
	State string // operational, degraded, down
	Why   string
}

// Options are what New needs. All but Redis are required.
type Options struct {
	DB      *store.DB
	Clock   clock.Clock
	Pool    Pool
	Jobs    Jobs
	Servers *presence.Servers
	Redis   Redis                                   // nil: not configured
	Mail    func(ctx context.Context) (Mail, error) //
	Status  func(ctx context.Context) []Component   //
	Bodies  func() Bodies                           //
	Chat    func() string                           // the model that answers by default; empty: none
	Dirs    []string                                // directories whose disks must have room: home, cache
	Free    func(dir string) (int64, error)         // bytes
	Memory  func() (total, budget int64)            // bytes of the machine, and for models
	Journal func() int64                            // bytes of rows of usage that wait for the database
	Version string
}

// Service looks.
type Service struct {
	o       Options
	audit   *audit.Log
	started time.Time
}

// New returns the service of a server that starts now.
func New(o Options) *Service {
	return &Service{o: o, audit: audit.New(o.DB, o.Clock), started: o.Clock.Now()}
}

// checkTime is how long all checks together may take.
const checkTime = 5 * time.Second

// Report runs all checks at once.
func (s *Service) Report(ctx context.Context) Report {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	out := Report{Object: "health", Version: s.o.Version, StartedAt: s.started.Unix(), CheckedAt: s.o.Clock.Now().Unix(), Engines: []Engine{}, Servers: []Server{}}
	checks := []func(context.Context, *Report) Check{
		s.database, s.engines, s.queues, s.jobs, s.disk, s.memory, s.servers, s.redis, s.mail, s.bodies, s.components,
	}
	// Each check writes what is its own of the report: engines the engines, servers the servers.
	done := make([]Check, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { done[i] = check(ctx, &out) })
	}
	wg.Wait()
	out.State = OK
	for i := range done {
		if done[i].Values == nil {
			done[i].Values = map[string]any{}
		}
		if s := done[i].State; s != Off && s.rank() > out.State.rank() {
			out.State = s
		}
	}
	out.Checks = done
	return out
}

// gb writes bytes as people read them.
func gb(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}

// ms writes a duration as people read it.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

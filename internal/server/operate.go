package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/health"
	"github.com/parley-ai/parley/internal/limits/shared"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/manage"
	"github.com/parley-ai/parley/internal/obs"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/status"
)

// operation is what the operator has: models, health, the status page.
type operation struct {
	models *manage.Service
	health *health.Service
	status *status.Service
	meter  status.Meter
	redis  *shared.Redis // nil: not configured
}

// operate builds it.
func (s *Server) operate(o Options, servers *presence.Servers) {
	s.ops.models = manage.New(manage.Options{
		DB: s.db, Clock: o.Clock, Logger: s.log, Models: s.Models, Pool: s.pool, Queue: o.Config.Limits.QueueLength, Budget: budget(o.Config), Preparer: o.Preparer,
	})
	s.onClose(s.ops.models.Close)
	s.ops.status = status.New(status.Options{
		DB: s.db, Clock: o.Clock, Logger: s.log, Meter: &s.ops.meter, Title: "Parley status", URL: s.baseURL, Probes: map[string]status.Probe{
			status.API:      func(ctx context.Context) status.Finding { return s.probePage(ctx, "/healthz") },
			status.Chat:     s.probeChat,
			status.Models:   s.probeModels,
			status.Database: s.probeDatabase,
			status.Jobs:     s.probeJobs,
		},
	})
	h := health.Options{
		DB: s.db, Clock: o.Clock, Pool: s.pool, Jobs: s.jobs, Servers: servers, Mail: s.mailHealth, Version: o.Version,
		Chat: func() string { return s.Models.Default(catalog.Chat) }, Dirs: []string{o.Config.Home, o.Config.Cache}, Free: blobs.Free,
		Memory: func() (int64, int64) { return models.Memory(), budget(o.Config) }, Journal: func() int64 { return sizeOfDir(s.journal()) },
		Status: func(ctx context.Context) (out []health.Component) {
			live, _ := s.ops.status.Now(ctx)
			for _, c := range live {
				out = append(out, health.Component{ID: c.ID, State: string(c.State), Why: c.Text})
			}
			return out
		},
	}
	h.Bodies = func() health.Bodies {
		in := s.keeper.Installation()
		return health.Bodies{Days: in.Days, Waiting: in.Waiting, Kept: in.Kept, Dropped: in.Dropped}
	}
	if s.ops.redis != nil {
		h.Redis = s.ops.redis
	}
	s.ops.health = health.New(h)
}

// hostname names this machine, for operators of several; empty when it has no name.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// sizeOfDir adds up the files of a directory; 0 for none.
func sizeOfDir(dir string) (n int64) {
	if dir == "" {
		return 0
	}
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil { // one that has just gone has no size
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

func (s *Server) mailHealth(ctx context.Context) (health.Mail, error) {
	m, err := s.mail.Status(ctx)
	out := health.Mail{Configured: m.Configured, Server: m.Server, Queued: m.Queued, Failed: m.Failed}
	for _, sent := range m.Recent {
		if sent.State == "failed" {
			out.LastError = sent.Error
			break
		}
	}
	return out, err
}

// meters count requests for metrics and for the status page.
type meters struct {
	*obs.Metrics
	status *status.Meter
}

func (m meters) RequestDone(op string, code int, took time.Duration, bytes int64, streamed bool) {
	m.Metrics.RequestDone(op, code, took, bytes, streamed)
	m.status.RequestDone(op, code)
}

// self reaches this server as a new client does: by a connection of its own, without a proxy that the environment names.
var self = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, DisableKeepAlives: true}}

// probePage asks this server for a page over the network.
func (s *Server) probePage(ctx context.Context, path string) status.Finding {
	down := func(err error) status.Finding { return status.Finding{State: status.Down, Text: err.Error()} }
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+path, nil)
	if err != nil {
		return down(err)
	}
	resp, err := self.Do(req)
	if err != nil {
		return down(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return down(err)
	}
	if resp.StatusCode != http.StatusOK {
		return down(fmt.Errorf("GET %s answered %s", path, resp.Status))
	}
	return status.Finding{State: status.Operational}
}

// probeChat looks at the page and at the model that answers there.
func (s *Server) probeChat(ctx context.Context) status.Finding {
	page := s.probePage(ctx, "/")
	if page.State != status.Operational {
		return page
	}
	if model := s.probeModels(ctx); model.State == status.Down {
		return model
	}
	return page
}

// probeModels looks at the model that answers by default, which makes the component down when it cannot, and at the
// others that are loaded, which make it degraded. A cold model is well: it is loaded when it is asked for.
func (s *Server) probeModels(ctx context.Context) status.Finding {
	name := s.Models.Default(catalog.Chat)
	if name == "" {
		return status.Finding{State: status.Down, Text: "No chat model is installed, and no remote server has one."}
	}
	out := status.Finding{State: status.Operational}
	say := func(model, text string) {
		state := status.Degraded
		if model == name {
			state = status.Down
		}
		if out.State != status.Down {
			out = status.Finding{State: state, Text: model + ": " + text}
		}
	}
	for _, m := range s.pool.Statuses() {
		if m.State == engine.StateFailed {
			say(m.Name, cmp.Or(m.Error, "it could not be loaded"))
		}
	}
	for model, err := range s.pool.Probe(ctx) {
		say(model, err.Error())
	}
	return out
}

// verySlow is how long a write may take before the database counts as degraded.
const verySlow = 2 * time.Second

func (s *Server) probeDatabase(ctx context.Context) status.Finding {
	f, err := s.db.Measure(ctx)
	switch {
	case err != nil:
		return status.Finding{State: status.Down, Text: err.Error()}
	case f.Write > verySlow:
		return status.Finding{State: status.Degraded, Text: fmt.Sprintf("A write took %s.", f.Write.Round(time.Millisecond))}
	}
	return status.Finding{State: status.Operational}
}

// How long the oldest job that is due may wait.
const (
	lateJobs = 5 * time.Minute
	deadJobs = 30 * time.Minute
)

func (s *Server) probeJobs(ctx context.Context) status.Finding {
	n, err := s.jobs.Count(ctx)
	if err != nil {
		return status.Finding{State: status.Down, Text: err.Error()}
	}
	out := status.Finding{State: status.Operational}
	if n.Oldest.IsZero() {
		return out
	}
	switch late := time.Since(n.Oldest); {
	case late > deadJobs:
		out.State = status.Down
	case late > lateJobs:
		out.State = status.Degraded
	default:
		return out
	}
	out.Text = fmt.Sprintf("The oldest of %d jobs has been due since %s.", n.Waiting, n.Oldest.UTC().Format(time.TimeOnly))
	return out
}

// Upgrade pulls a model in the background while the present one answers, and moves the aliases of its
// kind over when it is ready. report is told of each step; it may be nil.
func (s *Server) Upgrade(ref string, report func(manage.Pull)) { s.ops.models.Upgrade(ref, report) }

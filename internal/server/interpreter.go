package server

import (
	"context"
	"net/http"
	"sync"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/runs"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/interpreter"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/responses"
	"github.com/parley-ai/parley/internal/sandbox"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/usage"
)

// SandboxOptions are the settings of sandboxes, as sandbox.Open takes them.
func SandboxOptions(cfg *config.Config) sandbox.Options {
	c := cfg.Sandbox
	return sandbox.Options{
		Kind: c.Kind, Runsc: c.Runsc, Cache: cfg.Cache, Pool: c.Pool, Most: c.Most,
		Limits: sandbox.Limits{
			CPUs: c.CPUs, Memory: int64(c.Memory), Disk: int64(c.Disk), PIDs: c.PIDs, Time: c.Time, Output: int64(c.Output),
		},
	}
}

// sandboxes is where code runs. It is opened when it is first asked for, and asked again while it is not there: the operator may set it
// up while the server runs.
type sandboxes struct {
	options sandbox.Options

	mu      sync.Mutex
	runtime *sandbox.Runtime
}

func (b *sandboxes) open() (interpreter.Sandboxes, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runtime == nil {
		r, err := sandbox.Open(b.options)
		if err != nil {
			return nil, err
		}
		b.runtime = r
	}
	return b.runtime, nil
}

func (b *sandboxes) close(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runtime == nil {
		return nil
	}
	return b.runtime.Close()
}

// openInterpreter keeps the sessions of Code Interpreter.
func (s *Server) openInterpreter(ctx context.Context, now clock.Clock, servers *presence.Servers) error {
	boxes := &sandboxes{options: SandboxOptions(s.cfg)}
	boxes.options.Logger = s.log
	s.onClose(boxes.close)
	s.interpreter = interpreter.New(interpreter.Options{
		DB: s.db, Files: s.files, Servers: servers, Clock: now, Logger: s.log, Sandboxes: boxes.open, Limits: s.sandboxLimits, Idle: s.cfg.Sandbox.Idle,
		Started: func(who actor.Actor) {
			// A line of its own, not a part of the request's: a session is counted once, whatever becomes of the request.
			s.usage.Record(context.Background(), who, usage.Row{Op: usage.CodeInterpreter, Model: usage.CodeInterpreter, Requests: 1, Status: http.StatusOK})
		},
	})
	s.onClose(s.interpreter.Close)
	s.files.OnDelete(func(ctx context.Context, tx *store.Tx, f files.File) error {
		return s.interpreter.FileDeleted(ctx, tx, f.ID)
	})
	s.threads.OnDelete(s.interpreter.OwnerDeleted)
	if err := s.interpreter.Recover(ctx); err != nil {
		return err
	}
	servers.OnBeat(s.interpreter.Recover)
	s.wg.Go(func() { s.interpreter.Run(s.ctx) })
	return nil
}

// sandboxLimits are those that the configuration gives an organization.
func (s *Server) sandboxLimits(who actor.Actor) sandbox.Limits {
	for _, o := range s.cfg.Sandbox.Organizations {
		if o.Organization == who.Org {
			return sandbox.Limits{CPUs: o.CPUs, Memory: int64(o.Memory), Disk: int64(o.Disk), PIDs: o.PIDs, Time: o.Time, Output: int64(o.Output)}
		}
	}
	return sandbox.Limits{}
}

// runInterpreter makes the tool of a run: the session is the thread's.
func (s *Server) runInterpreter(ctx context.Context, who actor.Actor, u runs.Use) (agent.Tool, error) {
	return s.interpreter.Tool(ctx, who, u.Thread.ID, u.Run.Resources.CodeFiles)
}

// responseInterpreter makes the tool of a response: the session is the container. Only who may read files can put some into it.
func (s *Server) responseInterpreter(ctx context.Context, who actor.Actor, u responses.Use) (agent.Tool, error) {
	var attached []string
	if u.Tool.Container != nil {
		attached = u.Tool.Container.FileIDs
	}
	if len(attached) > 0 {
		if err := httpapi.Permitted(who, actor.FilesRead); err != nil {
			return nil, err
		}
	}
	return s.interpreter.Tool(ctx, who, u.Container, attached)
}

package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants"
	"github.com/parley-ai/parley/internal/assistants/runs"
	"github.com/parley-ai/parley/internal/assistants/saved"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/backup"
	"github.com/parley-ai/parley/internal/billing"
	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/chat"
	"github.com/parley-ai/parley/internal/chats"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/completions"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/deletion"
	"github.com/parley-ai/parley/internal/edits"
	"github.com/parley-ai/parley/internal/embeddings"
	"github.com/parley-ai/parley/internal/engine/pool"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/identity/signin"
	"github.com/parley-ai/parley/internal/identity/sso"
	"github.com/parley-ai/parley/internal/interpreter"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/limits/increase"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/calendar"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/obs"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/presets"
	"github.com/parley-ai/parley/internal/responses"
	"github.com/parley-ai/parley/internal/retention"
	"github.com/parley-ai/parley/internal/retrieval"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/tokenizer"
	"github.com/parley-ai/parley/internal/usage"
)

// Server is the whole program in one process. New builds it, Start and ListenSocket let clients in,
// Close ends it.
type Server struct {
	Models *models.Registry

	cfg         *config.Config
	log         *slog.Logger
	version     string
	db          *store.DB
	lock        *store.HomeLock
	secrets     *secrets.Keys
	pool        *pool.Pool
	jobs        *jobs.Jobs
	mail        *mail.Service
	identity    *identity.Service
	signin      *signin.Service
	sso         *sso.Service
	deletion    *deletion.Service
	calendar    *calendar.Service
	limits      *limits.Service
	billing     *billing.Service
	increase    *increase.Service
	actor       actor.Actor // the owner, who acts on the socket
	usage       *usage.Log
	keeper      *retention.Service
	blobs       blob.Store
	files       *files.Service
	assistants  *assistants.Service
	threads     *thread.Service
	runs        *runs.Service
	retrieval   *retrieval.Service
	responses   *responses.Service
	interpreter *interpreter.Service
	metrics     *obs.Metrics
	api         *httpapi.API // for the network
	owner       *httpapi.API // for the socket
	network     *httpapi.Server
	socket      *socketServer
	ops         operation

	ctx    context.Context // of background work; ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
	// closers run in reverse order.
	closers []func(context.Context) error
}

// New opens the home and builds everything; nobody can reach it yet. On error nothing is left open.
func New(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	s := &Server{cfg: o.Config, log: o.Log, version: o.Version}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if s.lock, err = store.LockHome(o.Config.Home); err != nil {
		return nil, err
	}
	s.onClose(func(context.Context) error { return s.lock.Close() })
	if err := backup.Finished(o.Config.Home); err != nil {
		return nil, err
	}

	if s.db, err = store.Open(ctx, o.Config.DB, store.Options{
		FullSync: o.Config.DBFullSync, MaxConns: o.Config.DBMaxConns, Logger: o.Log,
	}); err != nil {
		return nil, err
	}
	s.onClose(func(context.Context) error { return s.db.Close() })

	if s.secrets, err = secrets.Open(ctx, secrets.Options{
		DB: s.db, Home: o.Config.Home, Setting: o.Config.SecretKey, Forget: o.Config.SecretForget, Clock: o.Clock, Log: o.Log,
	}); err != nil {
		return nil, err
	}

	modelOptions := ModelOptions(o.Config, o.Log)
	modelOptions.Clock = o.Clock
	if s.Models, err = models.Open(modelOptions); err != nil {
		return nil, err
	}
	s.wg.Go(func() { s.Models.Watch(s.ctx, 2*time.Second) })
	s.wg.Go(func() {
		if err := s.Models.RefreshRemotes(s.ctx); err != nil && s.ctx.Err() == nil {
			s.log.Warn("a configured server does not tell its models; naming them in the configuration needs no answer", "error", err)
		}
	})

	openers := o.Openers
	if llama, ok := openers["llama"]; ok {
		openers["llama"] = s.Models.Verified(llama)
	}
	s.pool = pool.New(pool.Options{
		Openers: openers, Budget: budget(o.Config), Idle: o.Config.Engine.IdleUnload, Clock: o.Clock, Log: o.Log,
	})
	s.onClose(s.pool.Close)

	if err := s.build(ctx, o); err != nil {
		return nil, err
	}
	return s, nil
}

// budget is the memory for all loaded models: the configured one, or three quarters of the machine's.
func budget(cfg *config.Config) int64 {
	if cfg.Engine.MemoryBudget > 0 {
		return int64(cfg.Engine.MemoryBudget)
	}
	return models.Memory() / 4 * 3
}

// build makes foundations, operations and products, and the two APIs over them.
func (s *Server) build(ctx context.Context, o Options) error {
	stopTracing, err := obs.StartTracing(ctx, o.Version, os.Getenv)
	if err != nil {
		return err
	}
	s.onClose(stopTracing)
	s.metrics = obs.NewMetrics(o.Version)
	servers, err := presence.Join(ctx, presence.Options{DB: s.db, Clock: o.Clock, Logger: s.log, Home: s.lock.ID(), Host: hostname(), Version: o.Version})
	if err != nil {
		return err
	}
	s.onClose(servers.Leave)
	s.watchMetrics()
	hints, err := s.openBus(ctx)
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return hints.Close() })
	if s.calendar, err = calendar.New(ctx, calendar.Options{DB: s.db, Bus: hints, Clock: o.Clock, Logger: s.log, Models: s.Models}); err != nil {
		return err
	}
	s.wg.Go(func() { s.calendar.Run(s.ctx) })
	if s.jobs, err = jobs.New(ctx, s.db, jobs.Options{Logger: s.log}); err != nil {
		return err
	}
	if s.mail, err = mail.New(mail.Options{
		DB: s.db, Clock: o.Clock, Logger: s.log, Jobs: s.jobs, Seal: s.secrets, URL: s.cfg.Mail.URL, From: s.cfg.Mail.From,
	}); err != nil {
		return err
	}
	s.identity = identity.New(s.db, o.Clock, s.log)
	s.identity.Page, s.identity.Mail = s.baseURL, s.mail
	s.identity.Idle, s.identity.Lifetime = s.cfg.Sessions.Idle, s.cfg.Sessions.Lifetime
	s.onClose(s.identity.Close)
	s.signin = signin.New(signin.Options{DB: s.db, Identity: s.identity, Mail: s.mail, Seal: s.secrets, Clock: o.Clock, Log: s.log})
	s.sso = sso.New(sso.Options{Config: ssoConfig(s.cfg.SSO), DB: s.db, Identity: s.identity, Clock: o.Clock, Logger: s.log, Seal: s.secrets, Confirm: s.signin.Prove})
	installation, err := s.identity.Bootstrap(ctx)
	if err != nil {
		return err
	}
	s.actor = installation.Owner
	meter := billing.NewMeter(o.Clock)
	if s.usage, err = usage.New(ctx, usage.Options{
		DB: s.db, Clock: o.Clock, Logger: s.log, Prices: prices{s.Models}, Journal: s.journal(), Spent: meter.Spent, Jobs: s.jobs,
	}); err != nil {
		return err
	}
	s.onClose(s.usage.Close)

	if err := s.openRetention(ctx, o, hints); err != nil {
		return err
	}
	if err := s.openFiles(ctx, o, servers); err != nil {
		return err
	}
	limiter, err := s.openLimits(ctx, o, hints)
	if err != nil {
		return err
	}
	if err := s.openBilling(ctx, o, hints, meter); err != nil {
		return err
	}
	gen := &generate.Service{
		Models:  s.targets(),
		Pool:    leases{s.pool},
		Limits:  admission{limiter, s.usage, meter},
		Usage:   ledger{s.usage, s.metrics},
		Compile: compile(o.Clock), CountChat: countChat,
	}
	s.openRetrieval(o.Clock, gen)
	s.openAssistants(o.Clock)
	page := chats.New(chats.Options{
		DB: s.db, Generate: gen, Clock: o.Clock, Logger: s.log, Servers: servers,
		DefaultModel: func() string { return s.Models.Default(catalog.Chat) },
		Page:         s.page,
	})
	if err := page.Recover(ctx); err != nil {
		return err
	}
	servers.OnBeat(page.Recover)
	if err := s.openInterpreter(ctx, o.Clock, servers); err != nil {
		return err
	}
	if err := s.openRuns(ctx, o, hints, servers, gen); err != nil {
		return err
	}
	if err := s.openResponses(ctx, o, servers, gen); err != nil {
		return err
	}
	s.wg.Go(func() { servers.Run(s.ctx) })
	s.operate(o, servers)
	s.openDeletion(o.Clock)
	routes := s.routes(
		(&chat.API{Generate: gen, Clock: o.Clock}).Routes(),
		(&completions.API{Generate: gen, Clock: o.Clock}).Routes(),
		(&edits.API{Generate: gen, Clock: o.Clock}).Routes(),
		(&embeddings.API{Generate: gen}).Routes(),
		(&tokenizer.API{Tokenizer: &tokenizer.Service{
			Models: gen, Calendar: names{s.Models}, Limits: counting{limiter}, Usage: counted{s.usage},
		}}).Routes(),
		(&chats.API{Chats: page, Models: s.Models, Pool: s.pool}).Routes(),
		(&models.API{Registry: s.Models}).Routes(),
		s.calendar.Routes(),
		s.ops.models.Routes(),
		s.identity.Routes(),
		s.signin.Routes(),
		s.sso.Routes(),
		s.deletion.Routes(),
		s.limits.Routes(),
		s.billing.Routes(),
		s.increase.Routes(),
		s.usage.Routes(),
		s.keeper.Routes(),
		s.files.Routes(),
		s.retrieval.Routes(),
		s.assistants.Routes(),
		s.threads.Routes(),
		(&saved.Service{DB: s.db, Assistants: s.assistants, Threads: s.threads, Reach: s.assistants.Reach}).Routes(),
		s.runs.Routes(),
		(&responses.API{Service: s.responses, Refuse: gen.Refuse}).Routes(),
		audit.New(s.db, o.Clock).Routes(),
		(&presets.Service{DB: s.db, Clock: o.Clock}).Routes(),
	)
	return s.buildAPIs(o, routes)
}

// openBus carries hints to all servers on the database, where it is PostgreSQL, or inside of this one.
func (s *Server) openBus(ctx context.Context) (bus.Bus, error) {
	if pool := s.db.Pool(); pool != nil {
		return bus.NewPostgres(ctx, pool, s.log)
	}
	return bus.NewLocal(), nil
}

// page is how the chat page asks a served model, as the catalog has it.
func (s *Server) page(served string) *catalog.Page {
	if e := s.Models.Catalog().Find(served); e != nil {
		return e.Page
	}
	return nil
}

func (s *Server) onClose(f func(context.Context) error) { s.closers = append(s.closers, f) }

// Start listens on the configured address and on the admin socket. The channel brings the error that
// ends serving, if one does.
func (s *Server) Start(ctx context.Context) (<-chan error, error) {
	network, err := httpapi.Listen(s.cfg.Addr, s.api)
	if err != nil {
		return nil, err
	}
	s.network = network
	if err := s.ListenSocket(); err != nil {
		return nil, err
	}
	if err := s.jobs.Start(ctx); err != nil {
		return nil, err
	}
	s.onClose(s.jobs.Stop)
	s.wg.Go(func() { s.files.Run(s.ctx) })
	s.wg.Go(func() { s.retrieval.Run(s.ctx) })
	failed := network.Start()
	s.wg.Go(func() { s.ops.status.Run(s.ctx) })
	ready, err := json.Marshal(map[string]any{"url": s.URL(), "pid": os.Getpid(), "version": s.version})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.cfg.Home, "server.json")
	if err := writeFile(path, append(ready, '\n')); err != nil {
		return nil, err
	}
	s.onClose(func(context.Context) error { return os.Remove(path) })
	s.wg.Go(s.preload)
	s.log.InfoContext(ctx, "serving", "url", s.URL(), "database", s.db.URL(), "home", s.cfg.Home, "version", s.version)
	return failed, nil
}

// preload loads the default chat model, so that the first question does not wait for it.
func (s *Server) preload() {
	name := s.Models.Default(catalog.Chat)
	if name == "" {
		return
	}
	target, err := s.targets().Resolve(s.ctx, s.actor, name)
	if err == nil && target.Spec.Driver == "llama" {
		err = s.pool.Preload(s.ctx, target.Spec)
	}
	if err != nil && s.ctx.Err() == nil {
		s.log.Warn("the default model could not be loaded; requests will try again", "model", name, "error", err)
	}
}

func (s *Server) targets() targets {
	return targets{s.Models, s.cfg.Limits.QueueLength, s.usage}
}

// writeFile replaces a file whole.
func writeFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Addr is the network address that is listened on, HOST:PORT; empty before Start.
func (s *Server) Addr() string {
	if s.network == nil {
		return ""
	}
	return s.network.Addr().String()
}

// URL is the server's address for browsers and clients of this machine.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		host, port, _ = net.SplitHostPort(s.cfg.Addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// baseURL is how browsers reach the web app.
func (s *Server) baseURL() string {
	if s.cfg.BaseURL != "" {
		return s.cfg.BaseURL
	}
	return s.URL()
}

// journal is where rows of usage wait for SQLite; none where a transaction is to outlive more than this process, or
// its machine.
func (s *Server) journal() string {
	if s.cfg.DBFullSync || s.db.Dialect() != store.SQLite {
		return ""
	}
	return filepath.Join(s.cfg.Home, "usage")
}

// FirstKey makes an API key when the project has none, and returns its secret, which is shown only
// here; empty when there are keys.
func (s *Server) FirstKey(ctx context.Context) (string, error) {
	owner, err := s.identity.Owner(ctx)
	if err != nil {
		return "", err
	}
	keys, _, err := s.identity.ListKeys(ctx, owner, store.Paging{Limit: 1})
	if err != nil || len(keys) > 0 {
		return "", err
	}
	secret, _, err := s.identity.CreateKey(ctx, owner, identity.NewKey{Name: "first key"})
	return secret, err
}

// SignInLink makes a one-time link that signs a browser in as the owner.
func (s *Server) SignInLink(ctx context.Context) (string, error) {
	owner, err := s.identity.Owner(ctx)
	if err != nil {
		return "", err
	}
	token, err := s.identity.SignInLink(ctx, owner)
	if err != nil {
		return "", err
	}
	return s.baseURL() + "/signin?token=" + token, nil
}

// closeTime is how long what remains may take when no request is left: last rows, engine processes.
const closeTime = 10 * time.Second

// Close refuses new requests, lets running ones finish within the configured grace or until ctx ends,
// and closes everything in reverse order. It may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	var errs []error
	s.closed.Do(func() {
		grace, stop := context.WithTimeout(ctx, s.cfg.ShutdownGrace)
		defer stop()
		if s.network != nil {
			if err := s.network.Shutdown(grace); err != nil {
				s.log.Warn("not every request could finish", "error", err)
			}
		}
		if s.socket != nil {
			errs = append(errs, s.socket.close(grace))
		}
		s.cancel()
		s.wg.Wait()
		// Answers that were cut short may have used up all of the grace; their usage is still written.
		rest, stop := context.WithTimeout(ctx, closeTime)
		defer stop()
		for i := len(s.closers) - 1; i >= 0; i-- {
			errs = append(errs, s.closers[i](rest))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}

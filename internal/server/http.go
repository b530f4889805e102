package server

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof" //nolint:gosec // its handlers on http.DefaultServeMux: nothing serves that one
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/models/manage"
	"github.com/parley-ai/parley/internal/obs"
	"github.com/parley-ai/parley/internal/openapi"
	"github.com/parley-ai/parley/web"
)

// routes joins the capabilities' routes with those that depend on the configuration.
func (s *Server) routes(capabilities ...[]httpapi.Route) []httpapi.Route {
	routes := slices.Concat(capabilities...)
	if s.cfg.PublicStatus() {
		routes = append(routes, s.ops.status.PublicRoutes()...)
	}
	s.ops.meter.Measure(routes)
	return routes
}

// buildAPIs makes the network's API and the socket's, which has more routes and one actor.
func (s *Server) buildAPIs(o Options, routes []httpapi.Route) error {
	admin := slices.Concat(s.adminRoutes(), s.identity.AdminRoutes(), s.signin.AdminRoutes(), s.calendar.AdminRoutes(s.identity.OrganizationOf), s.limits.AdminRoutes(s.identity.OrganizationOf), s.billing.AdminRoutes(s.identity.OrganizationOf), s.increase.AdminRoutes(s.identity.OrganizationOf), s.usage.AdminRoutes(), s.mail.AdminRoutes(), s.deletion.AdminRoutes(),
		s.ops.models.AdminRoutes(), s.ops.health.AdminRoutes(), s.ops.status.AdminRoutes(), s.backup(o).AdminRoutes())
	admin = append(admin, s.keeper.AdminRoutes()...)
	checks := []httpapi.Check{{Name: "database", Run: s.db.Ping}}
	routes = append(routes, operatorRoutes(admin)...)
	routes = append(routes, httpapi.SystemRoutes(checks, s.metrics.Handler())...)
	documents, err := openapi.Routes(routes, openapi.Info{Title: "Parley", Version: o.Version})
	if err != nil {
		return err
	}
	routes = append(routes, documents...)
	limits := s.cfg.Limits
	proxies, err := s.cfg.TrustedProxies()
	if err != nil {
		return err
	}
	options := httpapi.Options{
		TrustedProxies: proxies, Routes: routes, Auth: s.identity, Logger: s.log, Metrics: meters{s.metrics, &s.ops.meter}, Books: s.usage, Keeper: s.keeper, Clock: o.Clock,
		MaxBody: int64(limits.MaxBody), ReadTimeout: limits.BodyTimeout, WriteTimeout: limits.WriteTimeout,
		HeaderTimeout: limits.HeaderTimeout, RequestTimeout: limits.RequestTimeout, BaseURL: s.cfg.BaseURL, AllowOrigins: s.cfg.Origins(),
		Other: web.Handler(), Serves: web.Serves,
	}
	if s.api, err = httpapi.New(options); err != nil {
		return err
	}
	options.Routes = slices.Concat(routes, admin)
	options.Auth, options.AllowOrigins = ownerAuth{s.identity}, nil
	options.Other, options.Serves = nil, nil
	s.owner, err = httpapi.New(options)
	return err
}

// operatorRoutes are the socket's operations that the operator may use in a browser, too: those that need the scope for it. Their paths begin
// with /api/operator instead of /admin. The others are the socket's alone: who reaches it is on the server's machine.
func operatorRoutes(admin []httpapi.Route) []httpapi.Route {
	var out []httpapi.Route
	for _, rt := range admin {
		if rest, ok := strings.CutPrefix(rt.Path, "/admin/"); ok && rt.Scope == actor.Operate {
			rt.Path, rt.Op, rt.Tag = "/api/operator/"+rest, "operator"+strings.TrimPrefix(rt.Op, "admin"), "Operator"
			out = append(out, rt)
		}
	}
	return out
}

// ownerAuth lets everybody in as the owner: the socket's file permissions decide who can come.
// By the headers they act for another organization or project of the installation.
type ownerAuth struct{ identity *identity.Service }

func (a ownerAuth) Authenticate(r *http.Request) (actor.Actor, error) {
	owner, err := a.identity.Owner(r.Context()) // asked each time: who it was may have left
	if err != nil {
		return actor.Actor{}, err
	}
	org, project := cmp.Or(r.Header.Get("OpenAI-Organization"), owner.Org), r.Header.Get("OpenAI-Project")
	if (org == owner.Org || org == owner.OrgName) && (project == "" || project == owner.Project) {
		return owner, nil
	}
	return a.identity.Operator(r.Context(), org, project)
}

// Status is what /admin/status tells.
type Status struct {
	Version string        `json:"version"`
	URL     string        `json:"url"` // empty when the server listens on the socket alone
	Models  []ModelStatus `json:"models"`
	Pulls   []manage.Pull `json:"pulls"`
}

// ModelStatus is what a loaded or loading model is doing.
type ModelStatus struct {
	Name     string       `json:"name"`
	State    engine.State `json:"state"`
	Progress float64      `json:"progress"`
	Active   int          `json:"active"`
	Queued   int          `json:"queued"`
	Memory   int64        `json:"memory_bytes"`
	Error    string       `json:"error,omitempty"`
}

// Link is a one-time sign-in link.
type Link struct {
	URL string `json:"url"`
}

func (s *Server) adminRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/admin/status", Op: "adminStatus", Tag: "Admin", Scope: actor.Operate, Out: Status{},
			Summary: "What this server is doing.",
			Handle: func(w http.ResponseWriter, _ *http.Request) error {
				return httpapi.JSON(w, http.StatusOK, s.status())
			},
		},
		{
			Method: http.MethodPost, Path: "/admin/signin-links", Op: "adminSigninLink", Tag: "Admin", Out: Link{},
			Summary: "Makes a link that signs a browser in as the owner, once.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				url, err := s.SignInLink(r.Context())
				if err != nil {
					return err
				}
				return httpapi.JSON(w, http.StatusOK, Link{URL: url})
			},
		},
	}
}

func (s *Server) status() Status {
	out := Status{Version: s.version, Models: []ModelStatus{}, Pulls: s.ops.models.Pulls()}
	if s.network != nil {
		out.URL = s.URL()
	}
	for _, m := range s.pool.Statuses() {
		out.Models = append(out.Models, ModelStatus{
			Name: m.Name, State: m.State, Progress: m.Progress, Active: m.Active, Queued: m.Queued, Memory: m.Info.MemoryBytes, Error: m.Error,
		})
	}
	return out
}

// Active is how many requests the models are working on.
func (s *Server) Active() int {
	n := 0
	for _, m := range s.pool.Statuses() {
		n += m.Active
	}
	return n
}

// watchMetrics lets scrapes see the engines and the database.
func (s *Server) watchMetrics() {
	s.metrics.WatchEngine(func() []obs.EngineStatus {
		var out []obs.EngineStatus
		for _, m := range s.pool.Statuses() {
			out = append(out, obs.EngineStatus{Model: m.Name, Ready: m.State == engine.StateReady, Active: m.Active, Queued: m.Queued})
		}
		return out
	})
	s.metrics.WatchDB(func() obs.DBStats {
		d := s.db.Stats()
		return obs.DBStats{Open: d.Open, InUse: d.InUse, WriterWaiting: d.WriterWaiting, Waits: d.WaitCount}
	})
}

// socketServer serves the owner's API on the admin socket.
type socketServer struct{ http *http.Server }

// ListenSocket serves the owner's API on the home's admin socket.
func (s *Server) ListenSocket() error {
	l, err := listenSocket(SocketPath(s.cfg.Home))
	if err != nil {
		return err
	}
	s.socket = &socketServer{&http.Server{Handler: withProfiles(s.owner), ReadHeaderTimeout: s.cfg.Limits.HeaderTimeout}}
	s.wg.Go(func() { s.serveSocket(l) })
	return nil
}

// withProfiles adds Go's profiles below /debug/pprof, for whoever is on the server's machine: they show what is in memory.
func withProfiles(api http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func (s *Server) serveSocket(l net.Listener) {
	if err := s.socket.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("the admin socket ended", "error", err)
	}
}

func (s *socketServer) close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return s.http.Close()
	}
	return err
}

package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/propagation"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/obs"
)

// Version is the value of the openai-version header, which clients of all years know.
const Version = "2020-10-01"

// Defaults of Options.
const (
	DefaultMaxBody      = 32 << 20
	DefaultReadTimeout  = 30 * time.Second
	DefaultWriteTimeout = 30 * time.Second
)

// Metrics is told of every request. Implementations must be safe for concurrent use and quick.
type Metrics interface {
	RequestStarted(op string)
	// RequestDone gets the status that was sent (499 when the client had gone), how long the request
	// took, the bytes of the answer's body, and whether it was a stream of events.
	RequestDone(op string, status int, took time.Duration, bytes int64, streamed bool)
}

// Options are what New needs. Routes, Auth and Logger are required. Lines are logged with the request's
// context, from which the logger's handler takes the request id (obs.LogOptions.RequestID).
type Options struct {
	Routes  []Route
	Auth    Authenticator
	Logger  *slog.Logger
	Metrics Metrics                  // nil: none
	Books   Books                    // nil: none
	Keeper  Keeper                   // nil: no body is kept
	Clock   clock.Clock              // nil: the system's
	Other   http.Handler             // serves paths outside /v1/ and /api/ that no route has (the web app); nil: JSON 404
	Serves  func(*http.Request) bool // which of those Other answers; nil: all that browsers ask without a key

	MaxBody      int64         // bytes of a request body unless the route says otherwise; 0: DefaultMaxBody
	ReadTimeout  time.Duration // a body must bring bytes at least this often; 0: DefaultReadTimeout
	WriteTimeout time.Duration // a client must take bytes at least this often; 0: DefaultWriteTimeout
	// HeaderTimeout is how long a header may take to arrive; 0: 10 s. RequestTimeout ends whole requests
	// with 504; 0: never.
	HeaderTimeout  time.Duration
	RequestTimeout time.Duration
	Heartbeat      time.Duration // a comment in silent streams this often, for proxies that cut idle connections; 0: never

	// BaseURL is how browsers reach the server ("https://parley.example.com") when a proxy in between
	// changes the Host header; empty: by the address that requests name.
	BaseURL string

	// TrustedProxies are networks of proxies whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// AllowOrigins are origins whose pages may call what is below /v1/ with an API key ("https://app.example.com",
	// or "*"). Cookies are never accepted from other origins.
	AllowOrigins []string
}

// API serves the routes. Make it with New.
type API struct {
	opts     Options
	mux      *http.ServeMux
	csrf     *http.CrossOriginProtection
	origins  origins
	draining atomic.Bool
	inFlight atomic.Int64
}

// New checks the table and returns the API. An error is a mistake in the table: a duplicate operation,
// a pattern that net/http refuses, or two routes that name the same path's wildcards differently.
func New(opts Options) (api *API, err error) {
	opts.MaxBody = cmp.Or(opts.MaxBody, DefaultMaxBody)
	opts.ReadTimeout = cmp.Or(opts.ReadTimeout, DefaultReadTimeout)
	opts.WriteTimeout = cmp.Or(opts.WriteTimeout, DefaultWriteTimeout)
	if opts.Clock == nil {
		opts.Clock = clock.System
	}
	if opts.Auth == nil || opts.Logger == nil {
		return nil, fmt.Errorf("httpapi.New: Auth and Logger are required")
	}
	a := &API{opts: opts, mux: http.NewServeMux(), csrf: http.NewCrossOriginProtection(), origins: newOrigins(opts.AllowOrigins)}
	if u, uerr := url.Parse(opts.BaseURL); opts.BaseURL != "" {
		if uerr == nil {
			uerr = a.csrf.AddTrustedOrigin(u.Scheme + "://" + u.Host)
		}
		if uerr != nil {
			return nil, fmt.Errorf("httpapi.New: the base URL %q should look like https://parley.example.com: %w", opts.BaseURL, uerr)
		}
	}
	defer func() {
		// ServeMux panics on patterns that it refuses.
		if p := recover(); p != nil {
			api, err = nil, fmt.Errorf("httpapi.New: %v", p)
		}
	}()
	ops := map[string]bool{}
	paths := map[string]*path{}
	for i := range opts.Routes {
		rt := &opts.Routes[i]
		switch {
		case rt.Op == "" || rt.Method == "" || !strings.HasPrefix(rt.Path, "/") || rt.Handle == nil:
			return nil, fmt.Errorf("httpapi.New: route %q %q %q needs Op, Method, Path and Handle", rt.Op, rt.Method, rt.Path)
		case ops[rt.Op]:
			return nil, fmt.Errorf("httpapi.New: two routes are called %q", rt.Op)
		}
		ops[rt.Op] = true
		p := paths[rt.Path]
		if p == nil {
			p = &path{api: a, methods: map[string]*Route{}}
			paths[rt.Path] = p
			a.mux.Handle(rt.Path, p)
		}
		if p.methods[rt.Method] != nil {
			return nil, fmt.Errorf("httpapi.New: two routes for %s %s", rt.Method, rt.Path)
		}
		p.methods[rt.Method] = rt
	}
	for _, p := range paths {
		if get := p.methods[http.MethodGet]; get != nil && p.methods[http.MethodHead] == nil {
			p.methods[http.MethodHead] = get
		}
		for m := range p.methods {
			p.allow = append(p.allow, m)
		}
		p.allow = append(p.allow, http.MethodOptions)
		slices.Sort(p.allow)
		p.allow = slices.Compact(p.allow)
	}
	if paths["/"] == nil {
		a.mux.HandleFunc("/", a.unknownPath)
	}
	return a, nil
}

// Routes returns the table that the API serves.
func (a *API) Routes() []Route { return slices.Clone(a.opts.Routes) }

// path is one pattern with the routes of its methods. Patterns are registered without a method, so
// that the answer to a wrong method is ours.
type path struct {
	api     *API
	methods map[string]*Route
	allow   []string
}

func (p *path) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	rt := p.methods[r.Method]
	if rt == nil {
		w.Header().Set("Allow", strings.Join(p.allow, ", "))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		p.api.fail(c, r, fault.New(fault.MethodNotAllow,
			"Not allowed to %s on %s. (HINT: Perhaps you meant to use a different HTTP method?)", r.Method, r.URL.Path))
		return
	}
	c.route = rt
	if rt.Patient {
		r = r.WithContext(callContext{c.request.Context(), c})
		c.ctx = r.Context()
	}
	ctx, end := obs.Span(obs.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), rt.Op)
	if ctx != r.Context() { // traces are on
		r = r.WithContext(ctx)
	}
	err := p.api.serve(c, r)
	end(err)
	if err != nil {
		p.api.fail(c, r, err)
	}
}

// serve authenticates, checks the scope and runs the handler.
func (a *API) serve(c *call, r *http.Request) error {
	rt := c.route
	if m := a.opts.Metrics; m != nil {
		m.RequestStarted(rt.Op)
	}
	if rt.Auth == AuthKeyOrSession {
		act, err := a.opts.Auth.Authenticate(r)
		if err != nil {
			challenge(&c.w, r, err)
			return err
		}
		c.actor = act
		if act.OrgName != "" {
			c.w.Header()["Openai-Organization"] = []string{act.OrgName}
		}
		// What somebody may see is theirs: neither their browser nor a cache on the way keeps it.
		c.w.Header()["Cache-Control"] = noStore
		if !act.May(rt.Scope) {
			return missingScope(act, rt.Scope)
		}
	}
	c.askKeeper()
	// A key is sent by a program that means it; a cookie is sent by a browser on anybody's behalf.
	if c.actor.Key == "" {
		if err := a.csrf.Check(r); err != nil {
			return fault.New(fault.Forbidden, "This request came from another site. Requests that change something "+
				"are accepted from Parley's own pages, or with an API key in the Authorization header.").
				WithCode("cross_origin_request").WithCause(err)
		}
	}
	err := rt.Handle(&c.w, r)
	if s := c.stream; s != nil {
		if err != nil && s.started() {
			a.logFailure(c, r, err)
			s.fail(c, r, err)
			return nil
		}
		if s.started() {
			c.settle(r.Context(), http.StatusOK)
		}
		if serr := s.close(); err == nil {
			err = serr
		}
	}
	return err
}

// Values of headers that all answers share: a handler that wants another sets the header.
var (
	noStore = []string{"no-store"}
	noSniff = []string{"nosniff"}
)

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{id: ids.New("req_"), api: a, start: a.opts.Clock.Now()}
	c.w = response{ResponseWriter: w, call: c}
	ctx := r.Context()
	if a.opts.RequestTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.opts.RequestTimeout, errTooLong)
		defer cancel()
	}
	c.request = r
	r = r.WithContext(callContext{ctx, c})
	c.ctx = r.Context()
	a.inFlight.Add(1)
	defer a.finish(c, r)

	h := w.Header()
	h["X-Request-Id"] = []string{c.id}
	h["Openai-Version"] = []string{Version}
	h["X-Content-Type-Options"] = noSniff // what a user wrote is never taken for a page
	if r.ContentLength != 0 {
		// net/http reads what a handler left of the body before it answers: without a deadline a body
		// that never comes would hold the connection for ever.
		c.bodyDeadline = time.Now().Add(a.opts.ReadTimeout)
		// Recorders of tests know no deadlines; connections do.
		_ = http.NewResponseController(w).SetReadDeadline(c.bodyDeadline)
		if r.Header.Get("Expect") != "" {
			c.w.extend() // "100 Continue" is written under the deadline that the request before left
		}
	}
	if a.origins.answer(&c.w, r) {
		return
	}
	if a.draining.Load() && !isSystemPath(r.URL.Path) {
		h.Set("Connection", "close")
		a.fail(c, r, fault.New(fault.Unavailable, "The server is shutting down. Please try again in a moment."))
		return
	}
	if p := r.URL.EscapedPath(); !cleanPath(p) || !storable(r.URL.Path) || r.Method == http.MethodConnect {
		// ServeMux would answer unclean ones with a redirect, which clients of this API do not expect.
		a.unknownPath(&c.w, r)
		return
	}
	a.mux.ServeHTTP(&c.w, r)
}

// maxLogged is how many bytes of a path a line of the log has: a client may send as many as headers may have.
const maxLogged = 256

func logged(path string) string {
	if len(path) <= maxLogged {
		return path
	}
	return strings.ToValidUTF8(path[:maxLogged], "")
}

// finish turns a panic into a 500, closes what is open, and tells log and metrics.
func (a *API) finish(c *call, r *http.Request) {
	defer a.inFlight.Add(-1)
	p := recover()
	if p != nil && p != http.ErrAbortHandler {
		a.opts.Logger.LogAttrs(r.Context(), slog.LevelError, "panic in a handler", slog.String("op", c.op()), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
		err := fmt.Errorf("panic: %v", p)
		if s := c.stream; s != nil && s.started() {
			s.fail(c, r, err)
			p = nil
		} else if c.w.status == 0 {
			a.writeError(c, r, err)
			p = nil
		} else {
			p = http.ErrAbortHandler // half an answer is out: only a broken connection says so
		}
	}
	if s := c.stream; s != nil {
		// Its writer must not touch the connection after the handler has returned; an error of this
		// close has been reported by the one in serve.
		_ = s.close()
	}
	status := c.w.status
	if c.canceled || status == 0 && p != nil {
		status = statusCanceled
	}
	status = cmp.Or(status, http.StatusOK)
	c.settle(r.Context(), status) // what ended without a byte, such as a request whose client had gone
	if c.kept.most > 0 {
		c.offer(status)
	}
	took := a.opts.Clock.Now().Sub(c.start)
	if m := a.opts.Metrics; m != nil && c.route != nil {
		m.RequestDone(c.op(), status, took, c.w.bytes, c.stream != nil)
	}
	level := slog.LevelInfo
	if c.route == nil && status < 400 || isSystemPath(r.URL.Path) {
		level = slog.LevelDebug // files of the web app, probes
	}
	if a.opts.Logger.Enabled(r.Context(), level) {
		attrs := append(make([]slog.Attr, 0, 12), slog.String("method", r.Method),
			slog.String("path", logged(r.URL.Path)), slog.String("op", c.op()), slog.Int("status", status),
			slog.Float64("ms", float64(took.Microseconds())/1000), slog.Int64("bytes", c.w.bytes), slog.String("remote", r.RemoteAddr))
		if c.actor.Org != "" {
			attrs = append(attrs, slog.String("org", c.actor.Org), slog.String("key", c.actor.Key))
		}
		if id := r.Header.Get("X-Request-Id"); id != "" {
			attrs = append(attrs, slog.String("client_request_id", id[:min(len(id), 128)]))
		}
		a.opts.Logger.LogAttrs(r.Context(), level, "request", attrs...)
	}
	if p != nil {
		panic(p)
	}
}

// unknownPath serves what no route has: the web app's paths, or a 404 in OpenAI's shape.
func (a *API) unknownPath(w http.ResponseWriter, r *http.Request) {
	p := r.URL.Path
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	// A browser that navigates brings no Authorization header; a client whose base URL lacks /v1 does,
	// and must not get a page.
	if a.opts.Other != nil && (a.opts.Serves == nil || a.opts.Serves(r)) && reads && r.Header.Get("Authorization") == "" && !strings.HasPrefix(p, "/v1/") &&
		!strings.HasPrefix(p, "/api/") && cleanPath(r.URL.EscapedPath()) {
		a.opts.Other.ServeHTTP(w, r)
		return
	}
	hint := ""
	switch {
	case strings.Contains(p, "//"):
		hint = ". The path has two slashes in a row: check the base URL, it should end in /v1, without a slash after it"
	case len(p) > 1 && strings.HasSuffix(p, "/") && a.serves(r, strings.TrimSuffix(p, "/")):
		hint = ". Leave out the slash at the end"
	case !strings.HasPrefix(p, "/v1/") && a.serves(r, "/v1"+p):
		hint = ". Perhaps you meant /v1" + p + ": the base URL should end in /v1"
	}
	a.fail(callOf(r.Context()), r, fault.New(fault.NotFound, "Invalid URL (%s %s)%s", r.Method, strings.ToValidUTF8(p, "\uFFFD"), hint))
}

// storable reports whether a text can be the name of something: PostgreSQL refuses other texts with an error instead of finding nothing.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// serves reports whether a route has the path.
func (a *API) serves(r *http.Request, p string) bool {
	_, pattern := a.mux.Handler(&http.Request{Method: r.Method, Host: r.Host, URL: &url.URL{Path: p}})
	return pattern != "" && pattern != "/"
}

// cleanPath reports whether ServeMux would take the path as it is, without a redirect.
func cleanPath(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	return !strings.Contains(p, "//") && !strings.Contains(p, "/./") && !strings.Contains(p, "/../") &&
		!strings.HasSuffix(p, "/.") && !strings.HasSuffix(p, "/..")
}

package httpapi

import (
	"context"
	"net/http"
	"time"
)

// Check is one thing that must work before the server is ready. Run returns nil, or why not.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// checkTimeout bounds all checks of one question together.
const checkTimeout = 5 * time.Second

// Health is the body of /healthz and /readyz.
type Health struct {
	Status string            `json:"status" doc:"ok, or unavailable." enum:"ok,unavailable"`
	Checks map[string]string `json:"checks,omitempty" doc:"What was checked: ok, or why not."`
}

func isSystemPath(p string) bool { return p == "/healthz" || p == "/readyz" || p == "/metrics" }

// SystemRoutes returns /healthz (the process answers), /readyz (every check passes and the server is
// not shutting down) and /metrics. They need no key: they carry no content of anybody.
func SystemRoutes(checks []Check, metrics http.Handler) []Route {
	routes := []Route{
		{
			Method: http.MethodGet, Path: "/healthz", Op: "healthz", Tag: "System", Auth: AuthNone, Out: Health{},
			Summary: "Says that the process answers.",
			Handle: func(w http.ResponseWriter, _ *http.Request) error {
				return JSON(w, http.StatusOK, Health{Status: "ok"})
			},
		},
		{
			Method: http.MethodGet, Path: "/readyz", Op: "readyz", Tag: "System", Auth: AuthNone, Out: Health{},
			Summary: "Says whether requests can be served, and what is missing: 200 or 503.",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				return ready(w, r, checks)
			},
		},
	}
	if metrics != nil {
		routes = append(routes, Route{
			Method: http.MethodGet, Path: "/metrics", Op: "metrics", Tag: "System", Auth: AuthNone,
			Summary: "Figures for Prometheus.", Produces: "text/plain",
			Handle: func(w http.ResponseWriter, r *http.Request) error {
				metrics.ServeHTTP(w, r)
				return nil
			},
		})
	}
	return routes
}

func ready(w http.ResponseWriter, r *http.Request, checks []Check) error {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	h := Health{Status: "ok", Checks: map[string]string{}}
	status := http.StatusOK
	if c := callOf(r.Context()); c != nil && c.api.draining.Load() {
		h.Checks["server"] = "shutting down"
		h.Status, status = "unavailable", http.StatusServiceUnavailable
	}
	for _, check := range checks {
		h.Checks[check.Name] = "ok"
		if err := check.Run(ctx); err != nil {
			h.Checks[check.Name] = err.Error()
			h.Status, status = "unavailable", http.StatusServiceUnavailable
		}
	}
	return JSON(w, status, h)
}

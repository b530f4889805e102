package models

import (
	"context"
	"net/url"
	"slices"
	"sync"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/discover"
)

// Serving is a model that this home can serve under its own name: an installed one, or one of a remote endpoint.
type Serving struct {
	Name   string
	Kind   catalog.Kind
	Owner  string // "parley", or the remote endpoint's name
	Window int    // tokens of one sequence; 0: not known (remote)
	Memory int64  // bytes when loaded, estimated: weights and one full window; 0 for remote ones
	Broken string // why it cannot answer; empty when it can
	Spec   engine.Spec
}

// Remote reports whether the model runs elsewhere.
func (s Serving) Remote() bool { return s.Spec.Driver == "remote" }

// Serving returns the models that can be served, installed ones first. A remote model is there once, under the name
// that begins with its endpoint's.
func (r *Registry) Serving() []Serving {
	var out []Serving
	for _, v := range r.current().serving {
		if v.name == v.spec.Name {
			out = append(out, Serving{Name: v.name, Kind: v.kind, Owner: v.owner, Window: v.window, Memory: v.spec.MemoryBytes, Broken: v.broken, Spec: v.spec})
		}
	}
	return out
}

// Window is how many tokens one sequence of an installed model may have in this home.
func (r *Registry) Window(in Installed) int { return r.window(in) }

// Budgeted is how many bytes models may take that are chosen for this machine, and Fits asks for.
func (r *Registry) Budgeted() int64 { return r.memory }

// Endpoint is a remote server with what it was last known to have.
type Endpoint struct {
	Name       string
	URL        string // without credentials
	Configured bool   // in the configuration; otherwise it was found on this machine
	Models     []string
	Err        error // of Probe: why it does not answer
}

// Endpoints returns the remote servers: those of the configuration, then those found on this machine.
func (r *Registry) Endpoints() []Endpoint {
	var out []Endpoint
	for i, remote := range r.remotes() {
		e := Endpoint{Name: remote.Name, URL: shownURL(remote.URL), Configured: i < len(r.settings.Remotes), Models: []string{}}
		for _, s := range r.Serving() {
			if s.Remote() && s.Owner == remote.Name {
				e.Models = append(e.Models, s.Name)
			}
		}
		out = append(out, e)
	}
	return out
}

func (r *Registry) remotes() []Remote {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(slices.Clone(r.settings.Remotes), r.extra...)
}

// shownURL is an address without credentials and query.
func shownURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable address)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Probe asks every remote server for its models, all at once, and returns them with the error of those that do not
// answer before ctx ends.
func (r *Registry) Probe(ctx context.Context) []Endpoint {
	out, remotes := r.Endpoints(), r.remotes()
	var wg sync.WaitGroup
	for i := range min(len(out), len(remotes)) {
		wg.Go(func() {
			if r.http == nil {
				out[i].Err = fault.New(fault.Unavailable, "This program was started without a client for other servers.")
				return
			}
			_, out[i].Err = discover.Models(ctx, r.http, remotes[i].URL, remotes[i].APIKey)
		})
	}
	wg.Wait()
	return out
}

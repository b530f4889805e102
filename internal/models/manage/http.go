package manage

import (
	"context"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// List is the answer of GET /admin/models, with the memory that there is for models.
type List struct {
	Object string  `json:"object" enum:"list"`
	Data   []Model `json:"data"`
	Memory int64   `json:"machine_memory_bytes" doc:"What this program may use; 0 when it cannot be told."`
	Budget int64   `json:"memory_budget_bytes" doc:"What all loaded models may take together; 0 is no limit."`
	Used   int64   `json:"memory_used_bytes" doc:"What they are counted with now."`
}

// OpenAPIName is the schema's name.
func (List) OpenAPIName() string { return "ManagedModelList" }

// OpenAPIName is the schema's name.
func (Model) OpenAPIName() string { return "ManagedModel" }

// OpenAPIName is the schema's name.
func (Removed) OpenAPIName() string { return "ManagedModelRemoved" }

// OpenAPIName is the schema's name.
func (Offer) OpenAPIName() string { return "CatalogEntry" }

// Remote is a remote server that is used as an engine.
type Remote struct {
	Object     string   `json:"object" enum:"remote_engine"`
	Name       string   `json:"name"`
	URL        string   `json:"url" doc:"Without credentials."`
	Configured bool     `json:"configured" doc:"It is in the configuration; otherwise it was found on this machine."`
	Models     []string `json:"models" doc:"What it serves, as they are asked for here."`
	State      string   `json:"state" enum:"unknown,answers,away" doc:"unknown unless it was asked with probe=true."`
	Error      string   `json:"error,omitempty" doc:"Why it does not answer."`
}

// OpenAPIName is the schema's name.
func (Remote) OpenAPIName() string { return "RemoteEngine" }

// NewDefault says which model answers.
type NewDefault struct {
	Model string `json:"model" doc:"A model that is installed or served by a remote server."`
}

// RemoveQuery are the parameters of a removal.
type RemoveQuery struct {
	Files bool `query:"files" doc:"Also deletes its files in the cache, except those that another model or home uses."`
}

// ProbeQuery are the parameters of the list of remote servers.
type ProbeQuery struct {
	Probe bool `query:"probe" doc:"Asks each server whether it answers."`
}

// probeTime is how long remote servers may take to answer.
const probeTime = 5 * time.Second

// Routes returns what whoever may read models sees.
func (s *Service) Routes() []httpapi.Route {
	return []httpapi.Route{{
		Method: http.MethodGet, Path: "/api/pulls", Op: "listPulls", Tag: "Models", Out: httpapi.List[Pull]{}, Scope: actor.ModelsRead,
		Summary: "Models that this server is pulling in the background.", Handle: s.showPulls,
	}}
}

// AdminRoutes returns the operator's operations.
func (s *Service) AdminRoutes() []httpapi.Route {
	routes := []httpapi.Route{
		{Method: http.MethodGet, Path: "/admin/models", Op: "adminListModels", Out: List{}, Handle: s.listModels,
			Summary: "The models of this server, what they are doing and which names lead to them."},
		{Method: http.MethodDelete, Path: "/admin/models/{model...}", Op: "adminRemoveModel", Query: RemoveQuery{}, Out: Removed{}, Handle: s.remove,
			Summary: "Takes an installed model out of this home; its files in the cache stay unless files=true."},
		{Method: http.MethodGet, Path: "/admin/catalog", Op: "adminListCatalog", Out: httpapi.List[Offer]{}, Handle: s.listCatalog,
			Summary: "What can be pulled, and whether it fits this machine."},
		{Method: http.MethodPut, Path: "/admin/loaded/{model...}", Op: "adminLoadModel", Out: Model{}, Handle: s.change(s.Load),
			Summary: "Begins to load a model, so that the first request does not wait for it."},
		{Method: http.MethodDelete, Path: "/admin/loaded/{model...}", Op: "adminUnloadModel", Out: Model{}, Handle: s.change(s.Unload),
			Summary: "Takes a model out of memory when its running requests have ended. New ones wait for that and load it again."},
		{Method: http.MethodPut, Path: "/admin/defaults/{kind}", Op: "adminSetDefault", In: NewDefault{}, Out: Model{}, Handle: s.setDefault,
			Summary: "Chooses which model answers for the names of a kind (chat, code, embeddings) where nothing says another."},
		{Method: http.MethodGet, Path: "/admin/pulls", Op: "adminListPulls", Out: httpapi.List[Pull]{}, Handle: s.listPulls,
			Summary: "Models that this server is pulling or has pulled since it was started."},
		{Method: http.MethodPost, Path: "/admin/pulls", Op: "adminStartPull", In: NewPull{}, Out: Pull{}, Handle: s.startPull,
			Summary: "Pulls a model in the background, from the catalog, a hub or an address."},
		{Method: http.MethodDelete, Path: "/admin/pulls/{pull}", Op: "adminEndPull", Out: Pull{}, Handle: s.endPull,
			Summary: "Cancels a pull that runs, or forgets one that has ended."},
		{Method: http.MethodGet, Path: "/admin/remotes", Op: "adminListRemotes", Query: ProbeQuery{}, Out: httpapi.List[Remote]{}, Handle: s.listRemotes,
			Summary: "The remote servers that are used as engines, and whether they answer."},
	}
	for i := range routes {
		routes[i].Tag, routes[i].Scope = "Admin", actor.Operate
	}
	return routes
}

func (s *Service) listModels(w http.ResponseWriter, r *http.Request) error {
	all, err := s.Models(r.Context())
	if err != nil {
		return err
	}
	out := List{Object: "list", Data: append([]Model{}, all...), Memory: models.Memory(), Budget: s.o.Budget}
	for _, st := range s.o.Pool.Statuses() {
		out.Used += st.Memory
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (s *Service) remove(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[RemoveQuery](r)
	if err != nil {
		return err
	}
	out, err := s.Remove(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("model"), q.Files)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (s *Service) listCatalog(w http.ResponseWriter, _ *http.Request) error {
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(s.Catalog(), false, func(o Offer) string { return o.Name }))
}

// change serves an operation on a model by its name.
func (s *Service) change(do func(ctx context.Context, who actor.Actor, name string) (Model, error)) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := do(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("model"))
		if err != nil {
			return err
		}
		return httpapi.JSON(w, http.StatusOK, m)
	}
}

func (s *Service) setDefault(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewDefault](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	m, err := s.SetDefault(r.Context(), httpapi.ActorOf(r.Context()), catalog.Kind(r.PathValue("kind")), in.Model)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, m)
}

func (s *Service) listPulls(w http.ResponseWriter, _ *http.Request) error {
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(s.Pulls(), false, func(p Pull) string { return p.ID }))
}

// showPulls is listPulls for everybody: where files lie, and what answered whom, is the operator's.
func (s *Service) showPulls(w http.ResponseWriter, r *http.Request) error {
	if httpapi.ActorOf(r.Context()).Operator {
		return s.listPulls(w, r)
	}
	list := s.Pulls()
	for i := range list {
		p := &list[i]
		if !strings.HasPrefix(p.Name, "hf:") {
			p.Name = path.Base(filepath.ToSlash(p.Name))
		}
		if p.Error != "" {
			p.Error = "It failed. The operator of this server sees why."
		}
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(list, false, func(p Pull) string { return p.ID }))
}

func (s *Service) startPull(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[NewPull](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	p, err := s.Start(r.Context(), httpapi.ActorOf(r.Context()), in)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, p)
}

func (s *Service) endPull(w http.ResponseWriter, r *http.Request) error {
	p, err := s.End(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("pull"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, p)
}

func (s *Service) listRemotes(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[ProbeQuery](r)
	if err != nil {
		return err
	}
	found := s.o.Models.Endpoints()
	if q.Probe {
		ctx, cancel := context.WithTimeout(r.Context(), probeTime)
		defer cancel()
		found = s.o.Models.Probe(ctx)
	}
	out := make([]Remote, len(found))
	for i, e := range found {
		out[i] = Remote{Object: "remote_engine", Name: e.Name, URL: e.URL, Configured: e.Configured, Models: e.Models, State: "unknown"}
		if q.Probe {
			out[i].State = "answers"
		}
		if e.Err != nil {
			out[i].State, out[i].Error = "away", fault.Words(e.Err)
		}
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(out, false, func(r Remote) string { return r.Name }))
}

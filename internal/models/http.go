package models

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// API serves the routes of this package.
type API struct {
	Registry *Registry
}

// Page is the answer of GET /v1/models.
type Page struct {
	Object string  `json:"object"` // "list"
	Data   []Model `json:"data"`
}

// Engine is a model as clients of before 2022 saw it. The members beside id, object and ready were never
// documented or null.
type Engine struct {
	ID          string  `json:"id"`
	Object      string  `json:"object"` // "engine"
	Created     *int64  `json:"created" doc:"Always null, as in the original."`
	Owner       string  `json:"owner"`
	Permissions *string `json:"permissions" doc:"Always null, as in the original."`
	Ready       bool    `json:"ready" doc:"Always true: what nothing could answer is not listed."`
}

// EnginePage is the answer of GET /v1/engines.
type EnginePage struct {
	Object string   `json:"object"` // "list"
	Data   []Engine `json:"data"`
}

func engineOf(m Model) Engine {
	return Engine{ID: m.ID, Object: "engine", Owner: m.OwnedBy, Ready: true}
}

// Routes returns the package's operations. Names of remote models may have slashes, which clients send
// as they are.
func (a *API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodGet, Path: "/v1/models", Op: "listModels", Tag: "Models",
			Summary: "Lists the models that can be asked for.", Out: Page{}, Scope: actor.ModelsRead, Handle: a.list,
		},
		{
			Method: http.MethodGet, Path: "/v1/models/{model...}", Op: "retrieveModel", Tag: "Models",
			Summary: "Describes one model.", Out: Model{}, Scope: actor.ModelsRead, Handle: a.get,
		},
		{
			Method: http.MethodGet, Path: "/v1/engines", Op: "listEngines", Tag: "Engines",
			Summary: "Lists the models as clients of before 2022 ask for them.", Out: EnginePage{}, Scope: actor.ModelsRead, Handle: a.engines,
		},
		{
			Method: http.MethodGet, Path: "/v1/engines/{engine...}", Op: "retrieveEngine", Tag: "Engines",
			Summary: "Describes one model as clients of before 2022 ask for it.", Out: Engine{}, Scope: actor.ModelsRead, Handle: a.engine,
		},
	}
}

func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	models, err := a.Registry.List(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	if models == nil {
		models = []Model{}
	}
	return httpapi.JSON(w, http.StatusOK, Page{Object: "list", Data: models})
}

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	model, err := a.Registry.Get(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("model"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, model)
}

func (a *API) engines(w http.ResponseWriter, r *http.Request) error {
	models, err := a.Registry.List(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	engines := make([]Engine, len(models))
	for i, m := range models {
		engines[i] = engineOf(m)
	}
	return httpapi.JSON(w, http.StatusOK, EnginePage{Object: "list", Data: engines})
}

func (a *API) engine(w http.ResponseWriter, r *http.Request) error {
	model, err := a.Registry.Get(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("engine"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, engineOf(model))
}

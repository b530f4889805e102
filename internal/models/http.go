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

package embeddings

import (
	"fmt"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// API serves the routes of this package.
type API struct {
	Generate *generate.Service
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return append(a.engineRoutes(), httpapi.Route{
		Method: http.MethodPost, Path: "/v1/embeddings", Op: "createEmbedding", Tag: "Embeddings",
		Summary: "Turns texts into vectors.",
		In:      Request{}, Out: Response{},
		Scope: actor.EmbeddingsWrite, LimitClass: "embeddings", Keep: httpapi.KeepRequest, Handle: a.create,
	})
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[Request](w, r, httpapi.Strict)
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	return a.answer(w, r, &req)
}

func (a *API) refuse(r *http.Request, model string, err error) error {
	return a.Generate.Refuse(r.Context(), httpapi.ActorOf(r.Context()), "embeddings", model, err)
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, req *Request) error {
	op, err := req.operation()
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	got, err := a.Generate.Embed(r.Context(), httpapi.ActorOf(r.Context()), op)
	if err != nil {
		return err
	}
	wire.Announce(w.Header(), got.Admitted)
	if got.Split > 0 {
		w.Header().Set("Parley-Embedding-Windows", fmt.Sprintf("%d; inputs=%d", got.Windows, got.Split))
	}
	return httpapi.JSON(w, http.StatusOK, req.response(got))
}

package embeddings

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// EngineRequest is the body of POST /v1/engines/{engine}/embeddings.
type EngineRequest struct {
	Model jsontext.Value `json:"model,omitzero" doc:"Not here: the path names the model."`
	Request
}

// engineRoutes are the operations of before 2022, in which the path names the model.
func (a *API) engineRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/engines/{engine}/embeddings", Op: "createEngineEmbedding", Tag: "Engines",
			Summary: "Turns texts into vectors: the form of before 2022, in which the path names the model.",
			In:      EngineRequest{}, Out: Response{},
			Scope: actor.EmbeddingsWrite, LimitClass: "embeddings", Keep: httpapi.KeepRequest, Handle: a.createWithEngine,
		},
		{
			Method: http.MethodPost, Path: "/v1/engines/{engine}/search", Op: "createSearch", Tag: "Engines",
			Summary: "Scores how well documents fit a query.",
			In:      SearchRequest{}, Out: SearchResponse{},
			Scope: actor.EmbeddingsWrite, LimitClass: "embeddings", Keep: httpapi.KeepRequest, Handle: a.search,
		},
	}
}

func (a *API) createWithEngine(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[EngineRequest](w, r, httpapi.Strict)
	if err == nil {
		req.Request.Model, err = wire.Engine(r.PathValue("engine"), req.Model)
	}
	if err != nil {
		return a.refuse(r, r.PathValue("engine"), err)
	}
	return a.answer(w, r, &req.Request)
}

func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[SearchRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	engine, err := wire.Engine(r.PathValue("engine"), req.Model)
	if err != nil {
		return err
	}
	op, err := req.operation(engine)
	if err != nil {
		return err
	}
	admitted, cosines, err := a.Generate.Search(r.Context(), httpapi.ActorOf(r.Context()), op)
	if err != nil {
		return err
	}
	wire.Announce(w.Header(), admitted)
	return httpapi.JSON(w, http.StatusOK, searchResponse(engine, cosines))
}

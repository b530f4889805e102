package chats

import (
	"context"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// Models lists the names that answer; *models.Registry is one.
type Models interface {
	List(ctx context.Context, who actor.Actor) ([]models.Model, error)
	Default(kind catalog.Kind) string
}

// Pool tells what is loaded; *pool.Pool is one.
type Pool interface {
	Statuses() []engine.Status
}

// ModelObject is a name that answers, for the page's model picker.
type ModelObject struct {
	ID            string  `json:"id" doc:"The name to ask for: an alias, or a served model's own."`
	ServedModel   string  `json:"served_model" doc:"What answers."`
	Kind          string  `json:"kind" enum:"chat,completion,embedding"`
	State         string  `json:"state" doc:"cold models load with the first question." enum:"cold,loading,ready,failed"`
	Progress      float64 `json:"progress" doc:"0 to 1 while loading."`
	Default       bool    `json:"default" doc:"What answers when no name is given."`
	ContextWindow int     `json:"context_window" doc:"Tokens of a question with its chat and the answer together; 0 is not known."`
}

// ModelList is the answer of GET /api/models.
type ModelList struct {
	Object string        `json:"object" enum:"list"`
	Data   []ModelObject `json:"data"`
}

func (a *API) models(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Models.List(r.Context(), httpapi.ActorOf(r.Context()))
	if err != nil {
		return err
	}
	status := map[string]engine.Status{}
	for _, s := range a.Pool.Statuses() {
		status[s.Name] = s
	}
	out := ModelList{Object: "list", Data: make([]ModelObject, len(list))}
	for i, m := range list {
		s := status[m.Served]
		o := ModelObject{
			ID: m.ID, ServedModel: m.Served, Kind: kindOf(m), State: string(s.State), Progress: s.Progress,
			Default: !m.Alias && m.ID == a.Models.Default(m.Kind), ContextWindow: m.Window,
		}
		if o.State == "" {
			o.State = string(engine.StateCold)
		}
		if o.ContextWindow == 0 {
			o.ContextWindow = s.Info.ContextWindow
		}
		out.Data[i] = o
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

// kindOf says what the page can use a model for.
func kindOf(m models.Model) string {
	switch m.Kind {
	case catalog.Embeddings, catalog.Reranker:
		return "embedding"
	default:
		return "chat"
	}
}

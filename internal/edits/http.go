package edits

import (
	"net/http"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// API serves the routes of this package.
type API struct {
	Generate *generate.Service
	Clock    clock.Clock
	NewID    func() string // of answers; nil is a random "edit-…"
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/edits", Op: "createEdit", Tag: "Edits",
			Summary: "Changes a text as it is told.",
			In:      Request{}, Out: Response{},
			Scope: actor.CompletionsWrite, LimitClass: "completions", Keep: httpapi.KeepBoth, Handle: a.create,
		},
		{
			Method: http.MethodPost, Path: "/v1/engines/{engine}/edits", Op: "createEngineEdit", Tag: "Engines",
			Summary: "Changes a text as it is told: the form of before 2022, in which the path names the model.",
			In:      EngineRequest{}, Out: Response{},
			Scope: actor.CompletionsWrite, LimitClass: "completions", Keep: httpapi.KeepBoth, Handle: a.createWithEngine,
		},
	}
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[Request](w, r, httpapi.Strict)
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	return a.answer(w, r, &req)
}

func (a *API) refuse(r *http.Request, model string, err error) error {
	return a.Generate.Refuse(r.Context(), httpapi.ActorOf(r.Context()), "completions", model, err)
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

func (a *API) answer(w http.ResponseWriter, r *http.Request, req *Request) error {
	op, prompt, n, err := req.operation(httpapi.RequestID(r.Context()))
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	ans := wire.Begin(a.Clock, a.NewID, "edit-", 1, n)
	texts, choices := make([]strings.Builder, n), make([]Choice, n)
	events := a.Generate.Fan(r.Context(), httpapi.ActorOf(r.Context()), op, []generate.Prompt{prompt}, n)
	for e, err := range ans.Each(w.Header(), events) {
		if err != nil {
			return err
		}
		switch ev := e.Event.(type) {
		case generate.Delta:
			texts[e.Index].WriteString(ev.Text)
		case generate.Done:
			choices[e.Index] = Choice{Text: texts[e.Index].String(), Index: e.Index, FinishReason: string(ev.Reason)}
		}
	}
	return httpapi.JSON(w, http.StatusOK, Response{
		ID: ans.ID, Object: "edit", Created: ans.Created, Model: ans.Model, Choices: choices, Usage: ans.Usage(),
	})
}

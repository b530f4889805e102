package responses

import (
	"context"
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// API serves the routes of this package.
type API struct {
	Service *Service
	// Refuse counts a request that was wrong as it stood; generate.Service's.
	Refuse func(ctx context.Context, who actor.Actor, class, model string, err error) error
}

type getQuery struct {
	Include       []string `query:"include[]" doc:"What to show besides."`
	Stream        *bool    `query:"stream" doc:"Send the events of a response in the background, from the first or from starting_after on."`
	StartingAfter *int     `query:"starting_after" doc:"The sequence number of the last event that is known."`
}

type listQuery struct {
	Limit   *int     `query:"limit" doc:"How many items to return." min:"1" max:"100" default:"20"`
	Order   string   `query:"order" doc:"By their place." enum:"asc,desc" default:"desc"`
	After   string   `query:"after" doc:"Id of the last item of the page before."`
	Include []string `query:"include[]" doc:"What to show besides."`
}

// TokenRequest is the body of POST /v1/responses/input_tokens.
type TokenRequest struct {
	Model              string           `json:"model,omitzero"`
	Input              Input            `json:"input,omitzero"`
	Instructions       *string          `json:"instructions,omitzero"`
	PreviousResponseID string           `json:"previous_response_id,omitzero"`
	Conversation       *ConversationRef `json:"conversation,omitzero"`
	Tools              []Tool           `json:"tools,omitzero" max:"128"`
	ToolChoice         *ToolChoice      `json:"tool_choice,omitzero"`
	ParallelToolCalls  *bool            `json:"parallel_tool_calls,omitzero"`
	Text               *TextOptions     `json:"text,omitzero"`
	Truncation         string           `json:"truncation,omitzero" enum:"auto,disabled"`
	Reasoning          *Reasoning       `json:"reasoning,omitzero"`
}

// OpenAPIName implements openapi's hook.
func (TokenRequest) OpenAPIName() string { return "ResponseTokenRequest" }

// Tokens is how many tokens an input has.
type Tokens struct {
	Object      string `json:"object" enum:"response.input_tokens"`
	InputTokens int    `json:"input_tokens"`
}

// OpenAPIName implements openapi's hook.
func (Tokens) OpenAPIName() string { return "ResponseTokens" }

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	const tag = "Responses"
	routes := []httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/responses", Op: "createResponse", Tag: tag, Summary: "Has a model answer, with tools that the server runs.",
			Doc: "Built-in tools: file_search and code_interpreter.", In: Request{}, Out: Object{}, Stream: Event{},
			Scope: actor.ChatWrite, LimitClass: "chat", Keep: httpapi.KeepBoth, Handle: a.create,
		},
		{
			Method: http.MethodPost, Path: "/v1/responses/input_tokens", Op: "countResponseInput", Tag: tag, Summary: "Counts the tokens of what a response would be asked.",
			In: TokenRequest{}, Out: Tokens{}, Scope: actor.ChatWrite, LimitClass: "tokenize", Handle: a.tokens,
		},
		{
			Method: http.MethodGet, Path: "/v1/responses/{response_id}", Op: "getResponse", Tag: tag, Summary: "Returns a stored response.",
			Query: getQuery{}, Out: Object{}, Stream: Event{}, Scope: actor.ChatWrite, Handle: a.get,
		},
		{
			Method: http.MethodDelete, Path: "/v1/responses/{response_id}", Op: "deleteResponse", Tag: tag, Summary: "Deletes a stored response.",
			Out: httpapi.Deleted{}, Scope: actor.ChatWrite, Handle: a.remove,
		},
		{
			Method: http.MethodPost, Path: "/v1/responses/{response_id}/cancel", Op: "cancelResponse", Tag: tag, Summary: "Ends a response in the background.",
			Out: Object{}, Scope: actor.ChatWrite, Handle: a.cancel,
		},
		{
			Method: http.MethodGet, Path: "/v1/responses/{response_id}/input_items", Op: "listResponseInput", Tag: tag, Summary: "Lists the items of a response's input.",
			Query: listQuery{}, Out: httpapi.List[Item]{}, Scope: actor.ChatWrite, Handle: a.inputItems,
		},
	}
	return append(routes, a.conversationRoutes()...)
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), httpapi.ActorOf(r.Context())
	req, err := httpapi.Decode[Request](w, r, httpapi.Strict)
	var p *plan
	if err == nil {
		p, err = a.Service.prepare(ctx, who, &req, httpapi.RequestID(ctx))
	}
	if err != nil {
		return a.Refuse(ctx, who, "chat", req.Model, err)
	}
	if p.r.Background {
		return a.background(w, r, p)
	}
	e := &execution{s: a.Service, who: who, p: p, admitted: func(ad generate.Admitted) { wire.Announce(w.Header(), ad) }}
	if p.r.stream {
		e.tell = teller(httpapi.NewStream(w, r))
		if err := a.Service.answer(ctx, e); err != nil && (p.r.Status != Failed || !e.over) {
			return err
		}
		return nil // the last event says why it failed
	}
	if err := a.Service.answer(ctx, e); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, e.snapshot())
}

// teller sends events; that which ends the response ends the stream.
func teller(stream *httpapi.Stream) func(Event) error {
	return func(ev Event) error {
		if ev.Response != nil && ended(ev.Response.Status) {
			return stream.Last(ev.Type, ev)
		}
		return stream.Event(ev.Type, ev)
	}
}

// background answers with the queued response, or with its events.
func (a *API) background(w http.ResponseWriter, r *http.Request, p *plan) error {
	streamed, id := p.r.stream, p.r.ID
	queued, h, err := a.Service.enqueue(r.Context(), p)
	if err != nil {
		return err
	}
	if streamed {
		return a.follow(w, r, httpapi.ActorOf(r.Context()), h, id, -1)
	}
	return httpapi.JSON(w, http.StatusOK, queued)
}

// follow sends the events behind one of a response that is executed here. Who goes away does not end it.
func (a *API) follow(w http.ResponseWriter, r *http.Request, who actor.Actor, h *hub, id string, after int) error {
	tell := teller(httpapi.NewStream(w, r))
	for {
		events, ok := h.after(r.Context(), after)
		if !ok {
			break
		}
		for _, ev := range events {
			if err := tell(ev); err != nil {
				return err
			}
			after = ev.Sequence
		}
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	switch res, err := a.Service.response(r.Context(), a.Service.db.Read(), who, id); {
	case err != nil:
		return err
	case !ended(res.Status):
		return fault.New(fault.Unavailable, "The events of the response %s end here: this server stops, or another one goes on with it. Read the response to see how it ends.", id)
	}
	return nil
}

func (a *API) tokens(w http.ResponseWriter, r *http.Request) error {
	in, err := httpapi.Decode[TokenRequest](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	who, no := httpapi.ActorOf(r.Context()), false
	req := Request{
		Model: in.Model, Input: in.Input, Instructions: in.Instructions, PreviousResponseID: in.PreviousResponseID, Conversation: in.Conversation, Tools: in.Tools,
		ToolChoice: in.ToolChoice, ParallelToolCalls: in.ParallelToolCalls, Text: in.Text, Truncation: in.Truncation, Reasoning: in.Reasoning, Store: &no,
	}
	p, err := a.Service.prepare(r.Context(), who, &req, httpapi.RequestID(r.Context()))
	if err != nil {
		return err
	}
	n, err := a.Service.count(r.Context(), who, p)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, Tokens{"response.input_tokens", n})
}

func included(list []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, v := range list {
		out[v] = true
	}
	return out, checkIncludes(list)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[getQuery](r)
	if err != nil {
		return err
	}
	include, err := included(q.Include)
	if err != nil {
		return err
	}
	s, who, id := a.Service, httpapi.ActorOf(r.Context()), r.PathValue("response_id")
	res, err := s.get(r.Context(), who, id)
	if err != nil {
		return err
	}
	if q.Stream != nil && *q.Stream {
		if !res.Background || !res.stream {
			return fault.Param("stream", "Only the events of responses that were made with background=true and stream=true can be read again.").WithCode("invalid_value")
		}
		h := s.hubOf(id)
		if h == nil {
			return fault.Param("stream", "The events of this response are not kept any more: it has ended, or another server goes on with it. Read it without 'stream'.").WithCode("stream_not_available")
		}
		after := -1
		if q.StartingAfter != nil {
			after = *q.StartingAfter
		}
		return a.follow(w, r, who, h, id, after)
	}
	res.Output = shownAll(res.Output, include)
	return httpapi.JSON(w, http.StatusOK, res.Object)
}

func (a *API) remove(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("response_id")
	if err := a.Service.remove(r.Context(), httpapi.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.Deleted{ID: id, Object: "response", Deleted: true})
}

func (a *API) cancel(w http.ResponseWriter, r *http.Request) error {
	res, err := a.Service.cancel(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("response_id"))
	if err != nil {
		return err
	}
	res.Output = shownAll(res.Output, nil)
	return httpapi.JSON(w, http.StatusOK, res.Object)
}

// page reads which part of a list of items is wanted.
func page(r *http.Request) (pageOf, map[string]bool, error) {
	q, err := httpapi.Query[listQuery](r)
	if err != nil {
		return pageOf{}, nil, err
	}
	p := pageOf{limit: httpapi.DefaultPageSize, order: "desc", after: q.After}
	if q.Limit != nil {
		p.limit = *q.Limit
	}
	if q.Order != "" {
		p.order = q.Order
	}
	include, err := included(q.Include)
	return p, include, httpapi.First(httpapi.Range("limit", q.Limit, 1, httpapi.MaxPageSize), httpapi.OneOf("order", q.Order, "asc", "desc"), err)
}

func (a *API) inputItems(w http.ResponseWriter, r *http.Request) error {
	p, include, err := page(r)
	if err != nil {
		return err
	}
	s := a.Service
	res, err := s.response(r.Context(), s.db.Read(), httpapi.ActorOf(r.Context()), r.PathValue("response_id"))
	if err != nil {
		return err
	}
	items, more, err := s.inputPage(r.Context(), &res, p)
	return listed(w, items, more, include, err)
}

// listed sends a page of items.
func listed(w http.ResponseWriter, items []Item, more bool, include map[string]bool, err error) error {
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, httpapi.NewList(shownAll(items, include), more, func(t Item) string { return t.ID }))
}

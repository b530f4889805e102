package completions

import (
	"context"
	"iter"
	"net/http"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// API serves the routes of this package.
type API struct {
	Generate *generate.Service
	Clock    clock.Clock
	NewID    func() string // of answers; nil is a random "cmpl-…"
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return append(a.answerRoutes(), []httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/completions", Op: "createCompletion", Tag: "Completions",
			Summary: "Continues a text.",
			In:      Request{}, Out: Whole{}, Stream: Whole{},
			Scope: actor.CompletionsWrite, LimitClass: "completions", Keep: httpapi.KeepBoth, Handle: a.create,
		},
		{
			Method: http.MethodPost, Path: "/v1/engines/{engine}/completions", Op: "createEngineCompletion", Tag: "Engines",
			Summary: "Continues a text: the form of before 2022, in which the path names the model.",
			In:      EngineRequest{}, Out: Whole{}, Stream: Whole{},
			Scope: actor.CompletionsWrite, LimitClass: "completions", Keep: httpapi.KeepBoth, Handle: a.createWithEngine,
		},
	}...)
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
	ans, events, err := a.begin(r.Context(), w.Header(), req)
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	if req.Stream {
		return ans.stream(httpapi.NewStream(w, r), events)
	}
	whole, err := ans.whole(events)
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, whole)
}

// complete answers a request that does not stream. What answers is announced in h.
func (a *API) complete(ctx context.Context, h http.Header, req *Request) (Whole, error) {
	ans, events, err := a.begin(ctx, h, req)
	if err != nil {
		return Whole{}, err
	}
	return ans.whole(events)
}

func (a *API) begin(ctx context.Context, h http.Header, req *Request) (*answer, iter.Seq2[generate.Indexed, error], error) {
	op, prompts, n, err := req.operation(httpapi.RequestID(ctx))
	if err != nil {
		return nil, nil, err
	}
	ans := &answer{
		Answer:    wire.Begin(a.Clock, a.NewID, "cmpl-", len(prompts), n),
		req:       req,
		prompts:   len(prompts),
		n:         n,
		sequences: make([]sequence, len(prompts)*n),
	}
	return ans, ans.Each(h, a.Generate.Fan(ctx, httpapi.ActorOf(ctx), op, prompts, n)), nil
}

// answer is one request's way to the client.
type answer struct {
	wire.Answer
	req       *Request
	prompts   int
	n         int // sequences per prompt: n, or best_of
	sequences []sequence
}

// response is what carries choices to the client.
func (a *answer) response(choices ...Choice) Response {
	return Response{
		ID: a.ID, Object: "text_completion", Created: a.Created, Model: a.Model,
		Choices: choices, SystemFingerprint: a.Fingerprint,
	}
}

// take notes an event and returns the text that it adds, which is the prompt's for echo.
func (a *answer) take(e generate.Indexed) (text string) {
	s := &a.sequences[e.Index]
	top := a.req.Logprobs != nil && *a.req.Logprobs > 0
	switch ev := e.Event.(type) {
	case generate.Started:
		s.prompt = ev.Prompt
		if len(a.req.Prompt.Texts) > 0 {
			s.prompt = a.req.Prompt.Texts[e.Index/a.n]
		}
		switch {
		case !a.req.Echo:
			s.chars = utf8.RuneCountInString(s.prompt)
		case a.req.Logprobs == nil: // else it goes out together with its logprobs
			text = s.prompt
		}
	case generate.PromptScored:
		s.add(promptTokens(ev.Tokens, s.prompt), top, true)
		text = s.prompt
	case generate.Delta:
		text = ev.Text
		for _, t := range ev.Tokens {
			s.sum += float64(t.Logprob)
		}
		s.produced += len(ev.Tokens)
		if a.req.Logprobs != nil {
			s.add(ev.Tokens, top, false)
		}
	case generate.Done:
		s.finish = string(ev.Reason)
		if ev.End != nil { // it writes nothing, but is a token, as in the original
			s.sum += float64(ev.End.Logprob)
			s.produced++
			if a.req.Logprobs != nil {
				s.add([]engine.TokenLogprob{*ev.End}, top, false)
			}
		}
	}
	return text
}

// whole collects the choices.
func (a *answer) whole(events iter.Seq2[generate.Indexed, error]) (Whole, error) {
	for e, err := range events {
		if err != nil {
			return Whole{}, err
		}
		a.sequences[e.Index].text.WriteString(a.take(e))
	}
	n := a.req.Choices()
	choices := make([]Choice, 0, a.prompts*n)
	for p := range a.prompts {
		for _, s := range best(a.sequences[p*a.n:(p+1)*a.n], n) {
			c := Choice{Text: s.text.String(), Index: len(choices), FinishReason: &s.finish}
			if a.req.Logprobs != nil {
				c.Logprobs = &s.tokens
			}
			choices = append(choices, c)
		}
	}
	return Whole{Response: a.response(choices...), Usage: a.Usage()}, nil
}

// stream sends the choices piece by piece.
func (a *answer) stream(out *httpapi.Stream, events iter.Seq2[generate.Indexed, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		text := a.take(e)
		s := &a.sequences[e.Index]
		c := Choice{Text: text, Index: e.Index}
		if s.finish != "" {
			c.FinishReason = &s.finish
		}
		if len(s.tokens.Tokens) > 0 {
			piece := s.tokens
			c.Logprobs, s.tokens = &piece, Logprobs{}
		}
		if text == "" && c.FinishReason == nil && c.Logprobs == nil {
			continue
		}
		if err := a.send(out, c); err != nil {
			return err
		}
	}
	if a.req.IncludeUsage() {
		last := a.response()
		last.Choices = []Choice{}
		if err := out.Send(Whole{Response: last, Usage: a.Usage()}); err != nil {
			return err
		}
	}
	return out.Done()
}

// send sends one choice's piece.
func (a *answer) send(out *httpapi.Stream, c Choice) error {
	piece := a.response(c)
	if a.req.IncludeUsage() {
		return out.Send(Whole{Response: piece})
	}
	return out.Send(piece)
}

package completions

import (
	"iter"
	"net/http"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
)

// API serves the routes of this package.
type API struct {
	Generate *generate.Service
	Clock    clock.Clock
	NewID    func() string // of answers; nil is a random "cmpl-…"
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return []httpapi.Route{{
		Method: http.MethodPost, Path: "/v1/completions", Op: "createCompletion", Tag: "Completions",
		Summary: "Continues a text.",
		In:      Request{}, Out: Whole{}, Stream: Whole{},
		Scope: actor.CompletionsWrite, LimitClass: "completions", Handle: a.create,
	}}
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[Request](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	op, prompts, n, err := req.operation(httpapi.RequestID(r.Context()))
	if err != nil {
		return err
	}
	newID := a.NewID
	if newID == nil {
		newID = func() string { return ids.New("cmpl-") }
	}
	ans := answer{
		head:      Response{ID: newID(), Object: "text_completion", Created: a.Clock.Now().Unix()},
		events:    a.Generate.Fan(r.Context(), httpapi.ActorOf(r.Context()), op, prompts, n),
		req:       &req,
		prompts:   len(prompts),
		n:         n,
		scored:    op.PromptLogprobs,
		tally:     wire.NewTally(len(prompts)),
		sequences: make([]sequence, len(prompts)*n),
	}
	if req.Stream {
		return ans.stream(w, r)
	}
	return ans.whole(w)
}

// answer is one request's way to the client.
type answer struct {
	head      Response // what all pieces share
	events    iter.Seq2[generate.Indexed, error]
	req       *Request
	prompts   int
	n         int  // sequences per prompt: n, or best_of
	scored    bool // the prompt's tokens come with their logprobs
	tally     *wire.Tally
	sequences []sequence
}

// take notes an event and returns the text that it adds, which is the prompt's for echo.
func (a *answer) take(w http.ResponseWriter, e generate.Indexed) (text string) {
	if ev, ok := e.Event.(generate.Admitted); ok {
		wire.Announce(w.Header(), ev)
		a.head.Model = ev.Model
		if ev.Fingerprint != "" {
			a.head.SystemFingerprint = &ev.Fingerprint
		}
		return ""
	}
	s := &a.sequences[e.Index]
	switch ev := e.Event.(type) {
	case generate.Started:
		prompt := a.prompt(e.Index)
		switch {
		case !a.req.Echo:
			s.chars = utf8.RuneCountInString(prompt)
		case !a.scored: // else it goes out together with its logprobs
			text = prompt
		}
	case generate.PromptScored:
		tokens := promptTokens(ev.Tokens, a.prompt(e.Index))
		if text = a.prompt(e.Index); len(a.req.Prompt.Tokens) > 0 {
			text = textOf(tokens)
		}
		if a.req.Logprobs != nil {
			s.add(tokens, *a.req.Logprobs > 0, len(tokens) == len(ev.Tokens))
		}
	case generate.Delta:
		text = ev.Text
		for _, t := range ev.Tokens {
			s.sum += float64(t.Logprob)
		}
		s.produced += len(ev.Tokens)
		if a.req.Logprobs != nil {
			s.add(ev.Tokens, *a.req.Logprobs > 0, false)
		}
	case generate.Done:
		s.finish = string(ev.Reason)
		a.tally.Add(e.Index/a.n, ev.Usage)
	}
	return text
}

// prompt is the text that sequence index continues; empty for token ids.
func (a *answer) prompt(index int) string {
	if len(a.req.Prompt.Texts) == 0 {
		return ""
	}
	return a.req.Prompt.Texts[index/a.n]
}

// whole collects the choices and sends them as one object.
func (a *answer) whole(w http.ResponseWriter) error {
	for e, err := range a.events {
		if err != nil {
			return err
		}
		if text := a.take(w, e); text != "" {
			a.sequences[e.Index].text.WriteString(text)
		}
	}
	n := a.req.Choices()
	a.head.Choices = make([]Choice, 0, a.prompts*n)
	for p := range a.prompts {
		for _, s := range best(a.sequences[p*a.n:(p+1)*a.n], n) {
			c := Choice{Text: s.text.String(), Index: len(a.head.Choices), FinishReason: &s.finish}
			if a.req.Logprobs != nil {
				c.Logprobs = &s.tokens
			}
			a.head.Choices = append(a.head.Choices, c)
		}
	}
	return httpapi.JSON(w, http.StatusOK, Whole{Response: a.head, Usage: a.tally.Usage()})
}

// stream sends the choices piece by piece.
func (a *answer) stream(w http.ResponseWriter, r *http.Request) error {
	out := httpapi.NewStream(w, r)
	for e, err := range a.events {
		if err != nil {
			return err
		}
		text := a.take(w, e)
		if e.Index < 0 {
			continue
		}
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
		a.head.Choices = []Choice{}
		if err := out.Send(Whole{Response: a.head, Usage: a.tally.Usage()}); err != nil {
			return err
		}
	}
	return out.Done()
}

// send sends one choice's piece.
func (a *answer) send(out *httpapi.Stream, c Choice) error {
	piece := a.head
	piece.Choices = []Choice{c}
	if a.req.IncludeUsage() {
		return out.Send(Whole{Response: piece})
	}
	return out.Send(piece)
}

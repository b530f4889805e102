package chat

import (
	"iter"
	"net/http"
	"strings"

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
	NewID    func() string // of answers; nil is a random "chatcmpl-…"
}

// Routes returns the package's operations.
func (a *API) Routes() []httpapi.Route {
	return []httpapi.Route{{
		Method: http.MethodPost, Path: "/v1/chat/completions", Op: "createChatCompletion", Tag: "Chat",
		Summary: "Creates a model's answer to a conversation.",
		In:      Request{}, Out: Response{}, Stream: UsageChunk{},
		Scope: actor.ChatWrite, LimitClass: "chat", Handle: a.create,
	}}
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[Request](w, r, httpapi.Strict)
	if err != nil {
		return err
	}
	op, prompt, err := req.operation(httpapi.RequestID(r.Context()))
	if err != nil {
		return err
	}
	newID := a.NewID
	if newID == nil {
		newID = func() string { return ids.New("chatcmpl-") }
	}
	ans := answer{
		head:   Chunk{ID: newID(), Created: a.Clock.Now().Unix()},
		events: a.Generate.Fan(r.Context(), httpapi.ActorOf(r.Context()), op, []generate.Prompt{prompt}, req.Choices()),
		req:    &req, tally: wire.NewTally(1),
	}
	if req.Stream {
		return ans.stream(w, r)
	}
	return ans.whole(w)
}

// answer is one request's way to the client.
type answer struct {
	head   Chunk // what all chunks share
	events iter.Seq2[generate.Indexed, error]
	req    *Request
	tally  *wire.Tally
}

// admitted notes what answers.
func (a *answer) admitted(w http.ResponseWriter, ev generate.Admitted) {
	wire.Announce(w.Header(), ev)
	a.head.Model = ev.Model
	if ev.Fingerprint != "" {
		a.head.SystemFingerprint = &ev.Fingerprint
	}
}

// whole collects the choices and sends them as one object.
func (a *answer) whole(w http.ResponseWriter) error {
	n := a.req.Choices()
	texts := make([]strings.Builder, n)
	choices := make([]Choice, n)
	for e, err := range a.events {
		if err != nil {
			return err
		}
		switch ev := e.Event.(type) {
		case generate.Admitted:
			a.admitted(w, ev)
		case generate.Delta:
			texts[e.Index].WriteString(ev.Text)
			if a.req.Logprobs {
				c := &choices[e.Index]
				if c.Logprobs == nil {
					c.Logprobs = &Logprobs{}
				}
				appendLogprobs(c.Logprobs, ev.Tokens)
			}
		case generate.Done:
			choices[e.Index].FinishReason = string(ev.Reason)
			a.tally.Add(0, ev.Usage)
		}
	}
	for i := range choices {
		c := &choices[i]
		c.Index, c.Message = i, Answer{Role: "assistant", Content: texts[i].String()}
		if a.req.Logprobs && c.Logprobs == nil {
			c.Logprobs = &Logprobs{}
		}
	}
	return httpapi.JSON(w, http.StatusOK, Response{
		ID: a.head.ID, Object: "chat.completion", Created: a.head.Created, Model: a.head.Model,
		Choices: choices, Usage: a.tally.Usage(), SystemFingerprint: a.head.SystemFingerprint,
	})
}

// stream sends the choices piece by piece.
func (a *answer) stream(w http.ResponseWriter, r *http.Request) error {
	s := httpapi.NewStream(w, r)
	a.head.Object = "chat.completion.chunk"
	for e, err := range a.events {
		if err != nil {
			return err
		}
		c := ChunkChoice{Index: e.Index}
		switch ev := e.Event.(type) {
		case generate.Admitted:
			a.admitted(w, ev)
			continue
		case generate.Started:
			// The role goes out when the prompt was computed: until then an error has its own status.
			empty := ""
			c.Delta = Delta{Role: "assistant", Content: &empty}
		case generate.Delta:
			if ev.Text == "" && (!a.req.Logprobs || len(ev.Tokens) == 0) {
				continue
			}
			c.Delta.Content = &ev.Text
			if a.req.Logprobs {
				c.Logprobs = &Logprobs{}
				appendLogprobs(c.Logprobs, ev.Tokens)
			}
		case generate.Done:
			reason := string(ev.Reason)
			c.FinishReason = &reason
			a.tally.Add(0, ev.Usage)
		default:
			continue
		}
		if err := a.send(s, c); err != nil {
			return err
		}
	}
	if a.req.IncludeUsage() {
		chunk := UsageChunk{Chunk: a.head, Usage: a.tally.Usage()}
		if err := s.Send(chunk); err != nil {
			return err
		}
	}
	return s.Done()
}

// send sends one choice's piece.
func (a *answer) send(s *httpapi.Stream, c ChunkChoice) error {
	chunk := a.head
	chunk.Choices = []ChunkChoice{c}
	if a.req.IncludeUsage() {
		return s.Send(UsageChunk{Chunk: chunk})
	}
	return s.Send(chunk)
}

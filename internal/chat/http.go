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
		Scope: actor.ChatWrite, LimitClass: "chat", Keep: httpapi.KeepBoth, Handle: a.create,
	}}
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[Request](w, r, httpapi.Strict)
	var op generate.Request
	var prompt generate.Prompt
	if err == nil {
		op, prompt, err = req.operation(httpapi.RequestID(r.Context()))
	}
	if err != nil {
		return a.Generate.Refuse(r.Context(), httpapi.ActorOf(r.Context()), "chat", req.Model, err)
	}
	ans := answer{Answer: wire.Begin(a.Clock, a.NewID, "chatcmpl-", 1, req.Choices()), req: &req}
	events := a.Generate.Fan(r.Context(), httpapi.ActorOf(r.Context()), op, []generate.Prompt{prompt}, req.Choices())
	if req.Stream {
		return ans.stream(w, r, events)
	}
	return ans.whole(w, events)
}

// answer is one request's way to the client.
type answer struct {
	wire.Answer
	req   *Request
	texts map[int]*httpapi.TextEvent // by choice: its chunks with nothing but text
}

// whole collects the choices and sends them as one object.
func (a *answer) whole(w http.ResponseWriter, events iter.Seq2[generate.Indexed, error]) error {
	n := a.req.Choices()
	texts := make([]strings.Builder, n)
	choices := make([]Choice, n)
	for e, err := range a.Each(w.Header(), events) {
		if err != nil {
			return err
		}
		switch ev := e.Event.(type) {
		case generate.Delta:
			texts[e.Index].WriteString(ev.Text)
			if a.req.Logprobs {
				c := &choices[e.Index]
				if c.Logprobs == nil {
					c.Logprobs = &Logprobs{}
				}
				appendLogprobs(c.Logprobs, ev.Tokens)
			}
		case generate.ToolCallDelta:
			choices[e.Index].Message.add(ev, a.req.Functions.Functions != nil)
		case generate.Done:
			choices[e.Index].FinishReason = a.req.finished(ev.Reason)
		}
	}
	for i := range choices {
		c := &choices[i]
		c.Index, c.Message.Role = i, "assistant"
		if text := texts[i].String(); text != "" || c.Message.ToolCalls == nil && c.Message.FunctionCall == nil {
			c.Message.Content = &text
		}
		if a.req.Logprobs && c.Logprobs == nil {
			c.Logprobs = &Logprobs{}
		}
	}
	return httpapi.JSON(w, http.StatusOK, Response{
		ID: a.ID, Object: "chat.completion", Created: a.Created, Model: a.Model,
		Choices: choices, Usage: a.Usage(), SystemFingerprint: a.Fingerprint,
	})
}

// stream sends the choices piece by piece.
func (a *answer) stream(w http.ResponseWriter, r *http.Request, events iter.Seq2[generate.Indexed, error]) error {
	s := httpapi.NewStream(w, r)
	waits := map[int]bool{} // choices that begin as their first delta demands
	for i := 0; a.req.calling() && i < a.req.Choices(); i++ {
		waits[i] = true
	}
	for e, err := range a.Each(w.Header(), events) {
		if err != nil {
			return err
		}
		c := ChunkChoice{Index: e.Index}
		switch ev := e.Event.(type) {
		case generate.Started:
			if waits[e.Index] {
				continue
			}
			// The role goes out when the prompt was computed: until then an error has its own status.
			c.Delta = Delta{Role: "assistant", Content: words("")}
		case generate.ToolCallDelta:
			var told bool
			if c.Delta, told = piece(ev, a.req.Functions.Functions != nil); !told {
				continue
			}
		case generate.Delta:
			if ev.Text == "" && (!a.req.Logprobs || len(ev.Tokens) == 0) {
				continue
			}
			if !a.req.Logprobs && !waits[e.Index] {
				if err := a.sendText(s, e.Index, ev.Text); err != nil {
					return err
				}
				continue
			}
			c.Delta.Content = words(ev.Text)
			if a.req.Logprobs {
				c.Logprobs = &Logprobs{}
				appendLogprobs(c.Logprobs, ev.Tokens)
			}
		case generate.Done:
			reason := a.req.finished(ev.Reason)
			c.FinishReason = &reason
		default:
			continue
		}
		if waits[e.Index] {
			waits[e.Index] = false
			if d, alone := opening(&c.Delta); alone {
				if err := a.send(s, ChunkChoice{Index: e.Index, Delta: d}); err != nil {
					return err
				}
			}
		}
		if err := a.send(s, c); err != nil {
			return err
		}
	}
	if a.req.IncludeUsage() {
		chunk := UsageChunk{Chunk: a.chunk(), Usage: a.Usage()}
		if err := s.Send(chunk); err != nil {
			return err
		}
	}
	return s.Done()
}

// chunk is what all chunks of the answer share.
func (a *answer) chunk() Chunk {
	return Chunk{ID: a.ID, Object: "chat.completion.chunk", Created: a.Created, Model: a.Model, SystemFingerprint: a.Fingerprint}
}

// textMark stands for the text in chunks that are encoded once.
const textMark = "\u2060the text of the chunk\u2060"

// sendText sends a choice's piece that is nothing but text.
func (a *answer) sendText(s *httpapi.Stream, index int, text string) error {
	e := a.texts[index]
	if e == nil {
		var err error
		if e, err = httpapi.NewTextEvent(a.piece(ChunkChoice{Index: index, Delta: Delta{Content: words(textMark)}}), textMark); err != nil {
			return err
		}
		if a.texts == nil {
			a.texts = map[int]*httpapi.TextEvent{}
		}
		a.texts[index] = e
	}
	return s.SendText(e, text)
}

// send sends one choice's piece.
func (a *answer) send(s *httpapi.Stream, c ChunkChoice) error { return s.Send(a.piece(c)) }

// piece is the chunk with one choice's piece.
func (a *answer) piece(c ChunkChoice) any {
	chunk := a.chunk()
	chunk.Choices = []ChunkChoice{c}
	if a.req.IncludeUsage() {
		return UsageChunk{Chunk: chunk}
	}
	return chunk
}

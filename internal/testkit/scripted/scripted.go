// Package scripted is an OpenAI-compatible test server that plays scripted turns of a model: words, calls of functions, errors,
// delays. It is a fake and says so in its list of models, its Server header and whatever it answers without a script. Parley's own
// remote driver talks to it, so that tests of assistants, tools and clients' programs go the whole way but for a clever model.
//
// The script stands in the conversation: the user's newest message that begins with "play:" has it behind that word, a JSON list
// of Turn. Which turn is played is how many messages of the assistant follow that message. So the server keeps no state of a
// conversation: tests in any language can script it through an API that knows nothing of scripts, many conversations run at once,
// and one that goes on after a crash gets the turn that it was to get.
package scripted

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Model is the name of the model that the server lists.
const Model = "scripted"

// Turn is one turn of the model.
type Turn struct {
	Text    string `json:"text,omitempty"`
	Calls   []Call `json:"calls,omitempty"`
	DelayMS int    `json:"delay_ms,omitempty"` // before the first piece
	PieceMS int    `json:"piece_ms,omitempty"` // before each further piece
	Pieces  int    `json:"pieces,omitempty"`   // how many the text comes in; 0 is one a word
	Finish  string `json:"finish,omitempty"`   // finish_reason; empty is stop or tool_calls
	Status  int    `json:"status,omitempty"`   // an HTTP error instead
	Error   string `json:"error,omitempty"`    // its message; without a status it comes in the middle of the stream
	Die     bool   `json:"die,omitempty"`      // the connection breaks behind the text
}

// Call is a call that the model makes.
type Call struct {
	ID        string `json:"id,omitempty"` // empty is made from the turn
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON text
}

// Play is the text of a message with a script.
func Play(turns ...Turn) string {
	script, err := json.Marshal(turns)
	if err != nil {
		panic(err) // plain texts and numbers
	}
	return "play:" + string(script)
}

// Say is the text of a message that is answered with a text.
func Say(text string) string { return Play(Turn{Text: text}) }

// Message is one of the conversation that the server was sent.
type Message struct {
	Role       string `json:"role"`
	Content    string `json:"content"`
	ToolCallID string `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string `json:"id"`
		Function Call   `json:"function"`
	} `json:"tool_calls"`
}

// Request is what the server was asked.
type Request struct {
	Model      string          `json:"model"`
	Messages   []Message       `json:"messages"`
	Tools      json.RawMessage `json:"tools"`
	ToolChoice json.RawMessage `json:"tool_choice"`
	MaxTokens  *int            `json:"max_tokens"`
	Stream     bool            `json:"stream"`
	Raw        string          `json:"-"` // the whole body
}

// Tokens is the size of the conversation as this server counts: four bytes a token, and four tokens a message.
func (r *Request) Tokens() int {
	n := 0
	for _, m := range r.Messages {
		n += 4 + len(m.Content)/4
	}
	return n
}

// Options of Start.
type Options struct {
	Window int                          // tokens, as Request.Tokens counts; longer conversations are refused; 0 is 1,000,000
	Answer func(r *Request) *Turn       // asked first, where the script is no message's; nil, or a nil turn, goes by the messages
	Before func(r *Request, turn *Turn) // told of each turn before it is played
	Keep   int                          // how many requests are kept for Requests, the newest; 0 is 1,000
}

// Server is a running fake.
type Server struct {
	URL string // base of the API, ending in /v1

	o        Options
	mu       sync.Mutex
	requests []Request
	count    int
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Window == 0 {
		o.Window = 1_000_000
	}
	if o.Keep == 0 {
		o.Keep = 1000
	}
	s := &Server{o: o}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL + "/v1"
	return s
}

// Remotes is the setting that has a Parley know the server's model, under the name "scripted".
func (s *Server) Remotes() string {
	return fmt.Sprintf(`[{"name": "fake", "url": %q, "models": [%q]}]`, s.URL, Model)
}

// Requests are the newest requests, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Count is how many requests there were.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "scripted (a fake for tests)")
	switch r.URL.Path {
	case "/v1/models":
		fmt.Fprintf(w, `{"object":"list","data":[{"id":%q,"object":"model","owned_by":"a fake for tests","max_model_len":%d}]}`, Model, s.o.Window)
	case "/v1/chat/completions":
		s.chat(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var req Request
	if err := json.Unmarshal(body, &req); err != nil {
		refuse(w, http.StatusBadRequest, "", "scripted: "+err.Error())
		return
	}
	req.Raw = string(body)
	s.mu.Lock()
	s.count++
	if s.requests = append(s.requests, req); len(s.requests) > s.o.Keep {
		s.requests = s.requests[1:]
	}
	s.mu.Unlock()
	if n := req.Tokens(); n > s.o.Window {
		refuse(w, http.StatusBadRequest, "context_length_exceeded", fmt.Sprintf("This model's maximum context length is %d tokens. However, your messages resulted in %d tokens.", s.o.Window, n))
		return
	}
	turn, index, err := s.turn(&req)
	if err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	if s.o.Before != nil {
		s.o.Before(&req, &turn)
	}
	if !wait(r, turn.DelayMS) {
		return
	}
	if turn.Status != 0 {
		refuse(w, turn.Status, "", turn.Error)
		return
	}
	if turn.Finish == "" {
		if turn.Finish = "stop"; len(turn.Calls) > 0 {
			turn.Finish = "tool_calls"
		}
	}
	p := player{w: w, r: r, turn: turn, index: index, prompt: req.Tokens()}
	if req.Stream {
		p.stream()
	} else {
		p.whole()
	}
}

// turn finds what is to be played.
func (s *Server) turn(r *Request) (turn Turn, index int, err error) {
	if s.o.Answer != nil {
		if t := s.o.Answer(r); t != nil {
			return *t, s.Count(), nil
		}
	}
	for i := len(r.Messages) - 1; i >= 0; i-- {
		m := r.Messages[i]
		if m.Role == "assistant" {
			index++
		}
		script, ok := strings.CutPrefix(m.Content, "play:")
		if m.Role != "user" || !ok {
			continue
		}
		var turns []Turn
		if err := json.NewDecoder(strings.NewReader(script)).Decode(&turns); err != nil {
			return Turn{}, 0, fmt.Errorf("scripted: the script is no list of turns: %w", err)
		}
		if index >= len(turns) {
			return Turn{Text: fmt.Sprintf("I am a fake: my script has %d turns, and this is turn %d.", len(turns), index)}, index, nil
		}
		return turns[index], index, nil
	}
	return Turn{Text: fmt.Sprintf("I am a fake without a script. You sent %d messages.", len(r.Messages))}, 0, nil
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	if message == "" {
		message = "scripted: an error, as the script wants"
	}
	text, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "code": code}})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text)
}

func wait(r *http.Request, ms int) bool {
	if ms == 0 {
		return true
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	case <-r.Context().Done():
		return false
	}
}

// player writes one turn.
type player struct {
	w      http.ResponseWriter
	r      *http.Request
	turn   Turn
	index  int
	prompt int
}

type object = map[string]any

func (p *player) usage() object {
	made := len(p.turn.Text)/4 + 1
	for _, c := range p.turn.Calls {
		made += len(c.Arguments)/4 + 1
	}
	return object{"prompt_tokens": p.prompt, "completion_tokens": made, "total_tokens": p.prompt + made}
}

func (p *player) call(i int) object {
	c := p.turn.Calls[i]
	if c.ID == "" {
		c.ID = fmt.Sprintf("call_scripted_%d_%d", p.index, i)
	}
	return object{"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": c.Arguments}}
}

func (p *player) whole() {
	message := object{"role": "assistant", "content": p.turn.Text}
	var calls []object
	for i := range p.turn.Calls {
		calls = append(calls, p.call(i))
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	text, _ := json.Marshal(object{"id": "chatcmpl-fake", "object": "chat.completion", "model": Model, "usage": p.usage(),
		"choices": []object{{"index": 0, "message": message, "finish_reason": p.turn.Finish}}})
	p.w.Header().Set("Content-Type", "application/json")
	p.w.Write(text)
}

// stream sends the text in its pieces, and each call in three: its head, and two halves of the arguments.
func (p *player) stream() {
	p.w.Header().Set("Content-Type", "text/event-stream")
	for i, piece := range p.pieces() {
		if i > 0 && !wait(p.r, p.turn.PieceMS) {
			return
		}
		p.delta(object{"content": piece}, nil)
	}
	if p.turn.Error != "" {
		p.event(object{"error": object{"message": p.turn.Error}})
		return
	}
	if p.turn.Die {
		panic(http.ErrAbortHandler)
	}
	for i := range p.turn.Calls {
		c := p.call(i)
		arguments := p.turn.Calls[i].Arguments
		c["function"].(object)["arguments"] = ""
		p.delta(object{"tool_calls": []object{c}}, nil)
		for _, half := range []string{arguments[:len(arguments)/2], arguments[len(arguments)/2:]} {
			if !wait(p.r, p.turn.PieceMS) {
				return
			}
			p.delta(object{"tool_calls": []object{{"index": i, "function": object{"arguments": half}}}}, nil)
		}
	}
	p.delta(object{}, p.turn.Finish)
	p.event(object{"id": "chatcmpl-fake", "object": "chat.completion.chunk", "choices": []object{}, "usage": p.usage()})
	fmt.Fprint(p.w, "data: [DONE]\n\n")
}

func (p *player) pieces() []string {
	text := p.turn.Text
	switch {
	case text == "":
		return nil
	case p.turn.Pieces == 0:
		return strings.SplitAfter(text, " ")
	}
	var out []string
	letters := []rune(text)
	for i, n := 0, p.turn.Pieces; i < n; i++ {
		if piece := string(letters[i*len(letters)/n : (i+1)*len(letters)/n]); piece != "" {
			out = append(out, piece)
		}
	}
	return out
}

func (p *player) delta(delta object, finish any) {
	if finish == "" {
		finish = nil
	}
	p.event(object{"id": "chatcmpl-fake", "object": "chat.completion.chunk", "choices": []object{{"index": 0, "delta": delta, "finish_reason": finish}}})
}

func (p *player) event(v any) {
	var b bytes.Buffer
	b.WriteString("data: ")
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		panic(err) // plain texts and numbers
	}
	b.WriteString("\n")
	p.w.Write(b.Bytes())
	p.w.(http.Flusher).Flush()
}

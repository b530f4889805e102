package responses

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/toolcall"
)

// endTimeout bounds the last transaction of a response whose execution was ended.
const endTimeout = 15 * time.Second

// Model makes turns and counts what they are asked; *generate.Service is one.
type Model interface {
	agent.Model
	// Known is an error when the caller may not ask for the model. It loads nothing.
	Known(ctx context.Context, who actor.Actor, model string) error
	// TokenizeMessages returns a conversation as the model's tokens.
	TokenizeMessages(ctx context.Context, who actor.Actor, model string, messages []engine.Message, tools *toolcall.Request) (served string, tokens []engine.Token, err error)
}

// Servers tells which servers of the database live; *presence.Servers is one.
type Servers interface {
	ID() string
	Alive(ctx context.Context, q store.Q) (map[string]bool, error)
}

// Use is what a built-in tool is made for.
type Use struct {
	Tool      Tool
	Container string // session of Code Interpreter
	Searches  int    // of what the response continues: markers of passages count on from there
}

// Toolmaker makes a built-in tool. Its error is a fault that says why the tool is off.
type Toolmaker func(ctx context.Context, who actor.Actor, u Use) (agent.Tool, error)

// Files opens an uploaded file of the caller's project.
type Files func(ctx context.Context, who actor.Actor, id string) (name string, content []byte, err error)

// Reader reads the text of a file.
type Reader func(ctx context.Context, name string, content io.ReadSeeker) (string, error)

// Options of New. All fields are required but Tools.
type Options struct {
	DB      *store.DB
	Model   Model
	Servers Servers
	Clock   clock.Clock
	Logger  *slog.Logger
	Files   Files
	Reader  Reader
	Tools   map[string]Toolmaker // by type: FileSearch, CodeInterpreter
}

// Service runs the operations. Make it with New, end it with Close.
type Service struct {
	db      *store.DB
	model   Model
	servers Servers
	clock   clock.Clock
	log     *slog.Logger
	files   Files
	reader  Reader
	tools   map[string]Toolmaker

	ctx  context.Context // ends with Close
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	// making is held for reading from before a response in the background is this server's in the database until it is in live.
	making sync.RWMutex

	mu     sync.Mutex
	closed bool
	live   map[string]*live // by response: what this process executes in the background
	asked  map[string]bool  // by response: what requests to this process wait for
}

type live struct {
	cancel context.CancelCauseFunc
	hub    *hub
}

// Causes of an execution's end from outside.
var (
	errCancelled = errors.New("the response was cancelled")
	errShutdown  = errors.New("the server shuts down")
	errLost      = errors.New("the response has ended, or another server has it")
)

// New returns a service. What dead servers left is taken over by Recover.
func New(o Options) *Service {
	ctx, stop := context.WithCancelCause(context.Background())
	return &Service{
		db: o.DB, model: o.Model, servers: o.Servers, clock: o.Clock, log: o.Logger, files: o.Files, reader: o.Reader, tools: o.Tools,
		ctx: ctx, stop: stop, live: map[string]*live{}, asked: map[string]bool{},
	}
}

// Close ends what is executed in the background, at its last whole turn, and leaves it to other servers or the next start.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop(errShutdown)
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// plan is a checked request.
type plan struct {
	r         stored
	include   map[string]bool
	format    *generate.Format
	functions []agent.Function
	history   []Item // what the input stands behind
	// own is where the request's input begins among the items; messages are what the model is told without instructions.
	messages  []engine.Message
	tools     []agent.Tool
	types     map[string]string // name that the model calls → type of tool
	requestID string
	// interrupted are the calls of the last turn that were begun by a server that died.
	interrupted []string
}

// prepare checks a request against what is stored, and returns what is to be done. Nothing was written yet.
func (s *Service) prepare(ctx context.Context, who actor.Actor, req *Request, requestID string) (*plan, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := s.model.Known(ctx, who, req.Model); err != nil {
		return nil, err
	}
	p := &plan{include: map[string]bool{}, requestID: requestID}
	for _, v := range req.Include {
		p.include[v] = true
	}
	text := TextOptions{Format: TextFormat{Type: "text"}}
	if req.Text != nil {
		text = *req.Text
		if text.Format.Type == "" {
			text.Format.Type = "text"
		}
	}
	var err error
	if p.format, err = text.Format.format(); err != nil {
		return nil, err
	}
	if p.functions, err = functions(req.Tools, req.ToolChoice); err != nil {
		return nil, err
	}
	if err := completeAll(req.Input.Items, "input", maxItems); err != nil {
		return nil, err
	}
	if p.r.input, err = s.resolve(ctx, who, req.Input.Items); err != nil {
		return nil, err
	}
	now := s.now()
	p.r.Object = Object{
		ID: ids.New("resp_"), Object: "response", CreatedAt: now.Unix(), Status: InProgress, Background: is(req.Background, false), Instructions: req.Instructions,
		MaxOutputTokens: req.MaxOutputTokens, MaxToolCalls: req.MaxToolCalls, Model: req.Model, Output: []Item{}, ParallelToolCalls: is(req.ParallelToolCalls, true),
		Store: is(req.Store, true), Temperature: 1, Text: text, Tools: req.Tools, TopP: 1, Truncation: "disabled", ServiceTier: "default", User: req.User, Metadata: req.Metadata,
	}
	if req.Truncation != "" {
		p.r.Truncation = req.Truncation
	}
	if req.Temperature != nil {
		p.r.Temperature = *req.Temperature
	}
	if req.TopP != nil {
		p.r.TopP = *req.TopP
	}
	if req.ToolChoice != nil {
		p.r.ToolChoice = *req.ToolChoice
	}
	if p.r.Metadata == nil {
		p.r.Metadata = Metadata{}
	}
	p.r.org, p.r.project, p.r.created, p.r.stream = who.Org, who.Project, now, is(req.Stream, false)
	if p.r.Background {
		p.r.Status, p.r.who = Queued, &who
	}
	if err := s.continued(ctx, who, req, p); err != nil {
		return nil, err
	}
	return p, s.equip(ctx, who, p)
}

// continued reads what the request continues.
func (s *Service) continued(ctx context.Context, who actor.Actor, req *Request, p *plan) (err error) {
	conversation := ""
	switch {
	case req.PreviousResponseID != "":
		before, err := s.response(ctx, s.db.Read(), who, req.PreviousResponseID)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return fault.Param("previous_response_id", "Previous response with id '%.80s' not found.", req.PreviousResponseID).WithCode("previous_response_not_found")
		case err != nil:
			return err
		case !ended(before.Status):
			return fault.Param("previous_response_id", "Previous response with id '%s' has not ended: wait until its status is 'completed'.", before.ID).WithCode("previous_response_in_progress")
		}
		p.r.PreviousResponseID = &req.PreviousResponseID
		p.history, err = s.chain(ctx, s.db.Read(), who, req.PreviousResponseID)
		if err != nil {
			return err
		}
	case req.Conversation != nil:
		c, err := s.conversation(ctx, s.db.Read(), who, string(*req.Conversation))
		if err != nil {
			return err
		}
		conversation = c.ID
		p.r.Conversation = &ConversationR{c.ID}
		if p.history, err = s.conversationItems(ctx, s.db.Read(), c.ID); err != nil {
			return err
		}
	}
	return s.container(ctx, who, p, req.PreviousResponseID, conversation)
}

// container chooses the session of Code Interpreter: the one that is named, that of what is continued, or a new one.
func (s *Service) container(ctx context.Context, who actor.Actor, p *plan, previous, conversation string) error {
	i := slices.IndexFunc(p.r.Tools, func(t Tool) bool { return t.Type == CodeInterpreter })
	if i < 0 {
		return nil
	}
	c := p.r.Tools[i].Container
	if c.ID != "" {
		ok, err := s.ownsContainer(ctx, who, c.ID)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "Container with id '%.80s' not found.", c.ID)
		}
		p.r.container = c.ID
		return err
	}
	var err error
	if previous != "" || conversation != "" {
		if p.r.container, err = s.lastContainer(ctx, s.db.Read(), who, previous, conversation); err != nil {
			return err
		}
	}
	if p.r.container == "" {
		p.r.container = ids.New("cntr_")
	}
	return nil
}

// resolve replaces references by what they refer to.
func (s *Service) resolve(ctx context.Context, who actor.Actor, items []Item) ([]Item, error) {
	for i := range items {
		if items[i].Type != Reference {
			continue
		}
		t, ok, err := s.referred(ctx, s.db.Read(), who, items[i].ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			e := fault.New(fault.NotFound, "Item with id '%.80s' not found.", items[i].ID)
			e.Param = "input"
			return nil, e
		}
		items[i] = t
	}
	return items, nil
}

// equip makes the tools, and the messages that the model is told.
func (s *Service) equip(ctx context.Context, who actor.Actor, p *plan) (err error) {
	p.types = map[string]string{}
	left := new(calls)
	if p.r.MaxToolCalls != nil {
		left.bounded, left.most = true, *p.r.MaxToolCalls
	}
	searches := 0
	for _, items := range [][]Item{p.history, p.r.input, p.r.Output} {
		for i := range items {
			if items[i].Type == SearchCall {
				searches++
			}
		}
	}
	for _, t := range p.r.Tools {
		if t.Type == FunctionTool {
			continue
		}
		maker := s.tools[t.Type]
		if maker == nil {
			return fault.New(fault.Unavailable, "The tool %s is not set up on this server.", t.Type)
		}
		made, err := maker(ctx, who, Use{Tool: t, Container: p.r.container, Searches: searches})
		if err != nil {
			return err
		}
		p.types[made.Definition().Name] = t.Type
		p.tools = append(p.tools, counted{made, left})
	}
	for _, f := range p.functions {
		if _, taken := p.types[f.Name]; taken {
			return fault.Param("tools", "Invalid 'tools': a function cannot be named '%s' beside the tool that is.", f.Name).WithCode("invalid_value")
		}
		p.types[f.Name] = FunctionTool
	}
	if p.messages, err = s.messages(ctx, who, slices.Concat(p.history, p.r.input), len(p.history)); err != nil {
		return err
	}
	if p.r.Text.Format.Type == "json_object" && !slices.ContainsFunc(p.instructed(p.messages), func(m engine.Message) bool { return strings.Contains(strings.ToLower(m.Content), "json") }) {
		return fault.Param("input", "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.")
	}
	return nil
}

// calls counts the calls of built-in tools in a response.
type calls struct {
	mu      sync.Mutex
	made    int
	most    int
	bounded bool
}

// counted is a tool of a response with a bound on calls.
type counted struct {
	agent.Tool
	calls *calls
}

// Call implements agent.Tool.
func (c counted) Call(ctx context.Context, who actor.Actor, call agent.Call, out func(agent.Output)) (agent.Result, error) {
	c.calls.mu.Lock()
	c.calls.made++
	over := c.calls.bounded && c.calls.made > c.calls.most
	c.calls.mu.Unlock()
	if over {
		return agent.Result{}, fault.New(fault.Invalid, "No more calls of tools are allowed in this response. Answer with what is known.")
	}
	return c.Tool.Call(ctx, who, call, out)
}

// instructed are messages with the instructions before them.
func (p *plan) instructed(messages []engine.Message) []engine.Message {
	if p.r.Instructions == nil || *p.r.Instructions == "" {
		return messages
	}
	return append([]engine.Message{{Role: "system", Content: *p.r.Instructions}}, messages...)
}

// shorter leaves out the oldest messages: half of what the request's own input stands behind, then half of the rest, and so on. What
// remains begins with something that is no result of a call.
func (p *plan) shorter(times int) []engine.Message {
	last := len(p.messages) - 1 // the newest message stays
	for last > 0 && p.messages[last].Role != "user" {
		last--
	}
	from := last - last>>times
	for from < last && p.messages[from].Role == "tool" {
		from++
	}
	return p.messages[from:]
}

// request is what the loop is asked.
func (p *plan) request(e *execution) agent.Request {
	g := generate.Request{
		ID: p.requestID, Op: "responses", Class: "chat", Model: p.r.Model, Param: "input", Format: p.format, ToolParam: "tools[%d].parameters",
		Sampling: engine.Sampling{Temperature: float32(p.r.Temperature), TopP: float32(p.r.TopP)},
	}
	if p.r.User != nil {
		g.User = *p.r.User
	}
	choice := toolcall.Choice{}
	switch c := p.r.ToolChoice; {
	case c.Type == FunctionTool:
		choice = toolcall.Choice{Mode: toolcall.Named, Name: c.Name}
	case c.Type != "":
		choice.Mode = toolcall.Named
		for name, kind := range p.types {
			if kind == c.Type {
				choice.Name = name
			}
		}
	case c.Word == "none":
		choice.Mode = toolcall.None
	case c.Word == "required":
		choice.Mode = toolcall.Required
	}
	return agent.Request{
		Generate: g, Tools: p.tools, Functions: p.functions, Choice: choice, OneCall: !p.r.ParallelToolCalls, Turns: p.r.cursor.Turns, MaxTurns: defaultTurns,
		Ask: func(_ context.Context, turns []agent.Turn, shorter int) (agent.Asked, error) {
			if shorter > 0 && (p.r.Truncation != "auto" || len(p.shorter(shorter)) == len(p.shorter(shorter-1))) {
				return agent.Asked{}, e.tooLong
			}
			messages := slices.Clone(p.instructed(p.shorter(shorter)))
			for i := range turns {
				messages = append(messages, turns[i].Messages()...)
			}
			asked := agent.Asked{Messages: messages}
			if p.r.MaxOutputTokens != nil {
				left := max(*p.r.MaxOutputTokens-e.usage.OutputTokens, 1)
				asked.MaxTokens = &left
			}
			return asked, nil
		},
	}
}

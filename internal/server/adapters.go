package server

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/pool"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/toolcall"
	"github.com/parley-ai/parley/internal/usage"
)

// targets lets generate resolve names through the registry.
type targets struct {
	reg   *models.Registry
	queue int // Spec.Queue for every model
	usage *usage.Log
}

func (t targets) Resolve(ctx context.Context, who actor.Actor, name string) (generate.Target, error) {
	r, err := t.reg.Resolve(ctx, who, name)
	if err != nil {
		return generate.Target{}, err
	}
	t.usage.Asked(ctx, name)
	r.Spec.Queue = t.queue
	return generate.Target{
		Name: r.Name, Model: r.Snapshot, Served: r.Served, Native: r.Native, Window: r.Window, Spec: r.Spec,
		Encoding: r.Encoding, Counts: r.Counts, Limit: r.Limit, Dimensions: r.Dimensions,
		Ending: generate.Ending{Deprecated: r.Deprecated, Sunset: r.Sunset},
	}, nil
}

// leases lets generate lease models from the pool.
type leases struct{ pool *pool.Pool }

func (l leases) Use(ctx context.Context, spec engine.Spec) (engine.Backend, func(), error) {
	lease, err := l.pool.Use(ctx, spec, nil)
	if err != nil {
		return nil, nil, err
	}
	return lease.Backend(), lease.Release, nil
}

// compile makes a model's Jinja source a template for generate.
func compile(clk clock.Clock) func(string) (generate.Template, error) {
	return func(source string) (generate.Template, error) {
		t, err := chattemplate.Parse(source)
		if err != nil {
			return nil, err
		}
		return template{t, clk, sync.OnceValue(func() *toolcall.Syntax { return toolcall.Detect(t) })}, nil
	}
}

type template struct {
	t      *chattemplate.Template
	clk    clock.Clock
	syntax func() *toolcall.Syntax
}

// Syntax is found out at the first request with functions: that renders a few short conversations.
func (t template) Syntax() *toolcall.Syntax { return t.syntax() }

// turn is a message as templates see it: absent keys are absent, which some of them test.
type turn struct {
	Role       string   `json:"role"`
	Content    *string  `json:"content"`
	Name       string   `json:"name,omitempty"`
	ToolCalls  []called `json:"tool_calls,omitempty"`
	ToolCallID string   `json:"tool_call_id,omitempty"`
}

// called is a call in a turn.
type called struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// turnOf is a message in OpenAI's form: a turn of nothing but calls has no content.
func turnOf(m engine.Message) turn {
	t := turn{Role: m.Role, Name: m.Name, ToolCallID: m.ToolCallID}
	if m.Content != "" || len(m.ToolCalls) == 0 {
		t.Content = &m.Content
	}
	for _, c := range m.ToolCalls {
		call := called{ID: c.ID, Type: "function"}
		call.Function.Name, call.Function.Arguments = c.Name, c.Arguments
		t.ToolCalls = append(t.ToolCalls, call)
	}
	return t
}

func (t template) Render(messages []engine.Message, tools []json.RawMessage, bos, eos string) (string, error) {
	raw := make([]json.RawMessage, len(messages))
	for i, m := range messages {
		data, err := json.Marshal(turnOf(m))
		if err != nil {
			return "", err
		}
		raw[i] = data
	}
	return t.t.RenderAdapted(chattemplate.Input{Messages: raw, Tools: tools, AddGenerationPrompt: true, BOS: bos, EOS: eos, Now: t.now()})
}

func (t template) now() time.Time { return t.clk.Now() }

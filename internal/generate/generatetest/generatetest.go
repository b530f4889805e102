// Package generatetest gives tests of API shapes a real generate.Service over the echo engine, with
// an alias table, limits and a usage log that are fakes and keep what they were told.
package generatetest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/engine/pool"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
	"github.com/parley-ai/parley/internal/toolcall"
)

// Who is the actor of these tests.
var Who = actor.Actor{Org: "org-test", OrgName: "test", Project: "proj_test", User: "user-test", Scopes: []string{actor.All}}

// World is a service and what it was told.
type World struct {
	*generate.Service

	mu      sync.Mutex
	refuse  error
	records []generate.Record
}

// New returns a service that knows the models "echo" and "echo-64" (a window of 64
// tokens) and the first one's aliases "gpt-4" (snapshot gpt-4-0613),
// "small" (a window of 64 tokens, which are bytes), "davinci" (whose ids are of r50k_base), "turbo" (of cl100k_base), "counted" (which counts in these, too),
// "ours" (whose ids are the model's own), and the second one's alias "ada" (vectors of 8
// dimensions, of inputs of at most 100 tokens).
func New(t testing.TB, o echo.Options) *World {
	t.Helper()
	o.Name = "echo"
	p := pool.New(pool.Options{Openers: map[string]engine.Opener{"echo": echo.Opener(o)}})
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Errorf("close the pool: %v", err)
		}
	})
	w := &World{}
	w.Service = &generate.Service{
		Models: w, Pool: leaser{p}, Limits: w, Usage: w, CountChat: CountChat,
		Compile: func(source string) (generate.Template, error) {
			if source != echo.Template {
				return nil, fmt.Errorf("generatetest renders echo's own template only, not %q", source)
			}
			return turns{}, nil
		},
	}
	return w
}

// CountChat stands for what the server counts chats with: here a message costs ten tokens beside its text.
func CountChat(encoding *bpe.Encoding, _ string, messages []engine.Message, _ *toolcall.Request) (int, error) {
	n := 0
	for _, m := range messages {
		n += 10 + encoding.Count(m.Content)
	}
	return n, nil
}

// Resolve implements generate.Models.
func (w *World) Resolve(_ context.Context, _ actor.Actor, name string) (generate.Target, error) {
	t := generate.Target{Name: name, Model: name, Served: "echo", Spec: engine.Spec{Name: "echo", Driver: "echo"}}
	switch name {
	case "echo":
		t.Native = true
	case "gpt-4":
		t.Model = "gpt-4-0613"
	case "small":
		t.Window = 64
	case "davinci":
		t.Encoding = "r50k_base"
	case "turbo":
		t.Encoding = "cl100k_base"
	case "counted":
		t.Encoding, t.Counts = "cl100k_base", true
	case "ours":
		t.Native = true
	case "echo-64":
		t.Native, t.Spec = true, engine.Spec{Name: "echo-64", Driver: "echo", ContextWindow: 64}
	case "ada":
		t.Limit, t.Dimensions = 100, 8
		t.Spec = engine.Spec{Name: "echo-64", Driver: "echo", ContextWindow: 64}
	default:
		return t, fault.New(fault.NotFound, "The model `%s` does not exist or you do not have access to it.", name).WithCode("model_not_found")
	}
	return t, nil
}

// Refuse makes the limits refuse with err; nil admits again.
func (w *World) Refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = err
}

// Admit implements generate.Limits.
func (w *World) Admit(context.Context, actor.Actor, generate.Demand) (generate.Grant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return generate.Grant{Headers: [][2]string{{"x-ratelimit-limit-requests", "60"}}}, w.refuse
}

// Record implements generate.UsageLog.
func (w *World) Record(_ context.Context, _ actor.Actor, r generate.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, r)
}

// Records returns what was recorded so far.
func (w *World) Records() []generate.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]generate.Record(nil), w.records...)
}

// turns renders echo.Template by hand.
type turns struct{}

// Syntax is the form for templates that know no functions.
func (turns) Syntax() *toolcall.Syntax { return toolcall.Generic() }

func (turns) Render(messages []engine.Message, _ []json.RawMessage, _, _ string) (string, error) {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "<|%s|>%s<|end|>", m.Role, m.Content)
	}
	b.WriteString("<|assistant|>")
	return b.String(), nil
}

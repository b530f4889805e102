package chat

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/httpapi"
)

// instant is a remote backend that answers at once: what is left is our own cost.
type instant struct{ engine.Backend }

func (instant) Info(context.Context) (engine.Info, error) {
	return engine.Info{Name: "instant", Fingerprint: "fp_1", CanGenerate: true, Input: engine.InputMessages}, nil
}

func (instant) Generate(context.Context, engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		_ = yield(engine.Started{PromptTokens: 9}, nil) &&
			yield(engine.Delta{Text: "Hello there, how may I assist you today?"}, nil) &&
			yield(engine.Done{Reason: engine.FinishStop, PromptTokens: 9, CompletionTokens: 12}, nil)
	}
}

type around struct{}

func (around) Resolve(context.Context, actor.Actor, string) (generate.Target, error) {
	return generate.Target{Name: "gpt-4", Model: "gpt-4", Served: "instant"}, nil
}
func (around) Use(context.Context, engine.Spec) (engine.Backend, func(), error) {
	return instant{}, func() {}, nil
}
func (around) Admit(context.Context, actor.Actor, generate.Demand) (generate.Grant, error) {
	return generate.Grant{}, nil
}
func (around) Record(context.Context, actor.Actor, generate.Record) {}
func (around) Authenticate(*http.Request) (actor.Actor, error)      { return generatetest.Who, nil }

// BenchmarkOverhead is a whole request without the network and without a model.
func BenchmarkOverhead(b *testing.B) {
	for name, stream := range map[string]string{"json": "", "sse": `"stream":true,`} {
		b.Run(name, func(b *testing.B) {
			a := &API{Generate: &generate.Service{Models: around{}, Pool: around{}, Limits: around{}, Usage: around{}}, Clock: clock.System}
			api, err := httpapi.New(httpapi.Options{Routes: a.Routes(), Auth: around{}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			body := `{"model":"gpt-4",` + stream + `"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello!"}]}`
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body.String())
				}
				_, _ = io.Copy(io.Discard, w.Body) // a buffer: it cannot fail
			}
		})
	}
}

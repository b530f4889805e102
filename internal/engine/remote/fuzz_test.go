package remote

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// FuzzStream feeds anything as a streamed answer: the events must keep their order, and end with Done
// or a fault.
func FuzzStream(f *testing.F) {
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	f.Add("data: {\"choices\":[{\"text\":\"\\ud83e\",\"logprobs\":{\"tokens\":[\"a\"],\"token_logprobs\":[null],\"top_logprobs\":[{\"a\":-1}]}}]}\n")
	f.Add("data:{\"choices\":[],\"usage\":{\"prompt_tokens\":-1}}\r\n\r\nevent: x\n: comment\ndata: {\"error\":\"x\"}")
	f.Add("data: {\"choices\":[{\"logprobs\":{\"content\":[{\"bytes\":[300,-1],\"logprob\":3}]}}]}\n\n")
	b, err := newBackend(Options{}, engine.Spec{Name: "m", URL: "http://h/v1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		resp := &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}
		stage := 0 // 1 started, 2 ended
		b.stream(context.Background(), resp, func(e engine.Event, err error) bool {
			if stage == 2 {
				t.Fatalf("%T %v after the end", e, err)
			}
			if err != nil {
				stage = 2
				if fault.As(err) == nil {
					t.Fatalf("no fault: %v", err)
				}
				return false
			}
			switch e := e.(type) {
			case engine.Started:
				if stage != 0 {
					t.Fatal("started twice")
				}
				stage = 1
			case engine.Delta:
				if stage != 1 || !utf8.ValidString(e.Text) {
					t.Fatalf("stage %d, %q", stage, e.Text)
				}
				for _, token := range e.Tokens {
					if !(token.Logprob <= 0) {
						t.Fatalf("logprob %v", token.Logprob)
					}
				}
			case engine.Done:
				stage = 2
			}
			return true
		})
		if stage != 2 {
			t.Fatal("neither Done nor an error")
		}
	})
}

// FuzzRefusal feeds anything as an error's body: users must get a fault with a text.
func FuzzRefusal(f *testing.F) {
	f.Add(400, `{"error":{"message":"m","param":["a"],"code":400}}`)
	f.Add(0, `{"error":"x","detail":[1]}`)
	f.Add(500, "\xff<html>")
	b, err := newBackend(Options{}, engine.Spec{Name: "m", URL: "http://h/v1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		e := fault.As(b.refusal(status, []byte(body)))
		if e == nil || e.Message == "" || e.Kind == fault.Internal || !utf8.ValidString(e.Message) {
			t.Fatalf("%#v", e)
		}
	})
}

package remote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

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

// fixed is a transport that answers everything with one body.
type fixed string

func (f fixed) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(f)))}, nil
}

// FuzzAnswer feeds anything as the answers that are one document: of a generation, of embeddings, and the
// list of models.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}`)
	f.Add(`{"choices":[{"text":"\ud83e","logprobs":{"tokens":["a"],"token_logprobs":[null],"top_logprobs":[{"a":-1}]}}],"usage":{"prompt_tokens":-3,"completion_tokens":-1}}`)
	f.Add(`{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1e38,-1e38]}],"usage":{"prompt_tokens":-7}}`)
	f.Add(`{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[0,0]},{"index":-5}]}`)
	f.Add(`{"data":[{"id":"m","max_model_len":-5,"meta":{"n_ctx":1e9}},{"id":""}]}`)
	f.Add(`{"error":"x"}`)
	f.Fuzz(func(t *testing.T, body string) {
		b, err := newBackend(Options{Client: &http.Client{Transport: fixed(body)}}, engine.Spec{Name: "m", URL: "http://h/v1"})
		if err != nil {
			t.Fatal(err)
		}
		isFault := func(err error) {
			t.Helper()
			if fault.As(err) == nil {
				t.Errorf("no fault: %v", err)
			}
		}
		ended := false
		for e, err := range b.Generate(context.Background(), engine.GenerateRequest{Text: "x", Whole: true}) {
			if ended {
				t.Fatalf("%T %v after the end", e, err)
			}
			if err != nil {
				isFault(err)
				ended = true
				continue
			}
			switch e := e.(type) {
			case engine.Delta:
				if !utf8.ValidString(e.Text) {
					t.Errorf("text %q", e.Text)
				}
			case engine.Done:
				ended = true
				if e.PromptTokens < 0 || e.CachedTokens < 0 || e.CompletionTokens < 0 {
					t.Errorf("usage %+v", e)
				}
			}
		}
		if !ended {
			t.Error("neither Done nor an error")
		}
		vectors, err := b.Embed(context.Background(), engine.EmbedRequest{Texts: []string{"x", "y"}})
		if err != nil {
			isFault(err)
		} else if vectors.PromptTokens < 0 || len(vectors.Vectors) != 2 || len(vectors.Vectors[0]) != len(vectors.Vectors[1]) {
			t.Errorf("%+v", vectors)
		}
		for _, v := range vectors.Vectors {
			for _, x := range v {
				if !(x >= -1.001 && x <= 1.001) {
					t.Fatalf("a vector with %v", x)
				}
			}
		}
		models, err := b.models(context.Background())
		if err != nil {
			isFault(err)
		}
		for _, m := range models {
			if m.ContextWindow < 0 || !utf8.ValidString(m.ID) {
				t.Errorf("%+v", m)
			}
		}
	})
}

// FuzzRepeat: a chunk that is read as an earlier one with another text says what it says when it is decoded.
func FuzzRepeat(f *testing.F) {
	for _, chunk := range [][3]string{
		{`{"choices":[{"index":0,"delta":{"content":`, `"Hi"`, `},"finish_reason":null}]}`},
		{`{"id":"x","choices":[{"delta":{"content": `, `"a\n\u0041"`, ` , "role":"assistant"},"logprobs":null}],"usage":null}`},
		{`{"choices":[{"text":`, `"Hi","index":1`, `}]}`},
		{`{"content":"no","choices":[{"delta":{"content":`, `"yes"`, `}}]}`},
		{`{"choices":[{"delta":{"content":"a","content":`, `"b"`, `}}]}`},
		{`{"choices":[{"delta":{"content":`, `"\ud83e\ud83e"`, `}}]}`},
	} {
		f.Add(chunk[0], `"first"`, chunk[1], chunk[2])
	}
	f.Fuzz(func(t *testing.T, head, first, second, tail string) {
		var a, b answer
		data := []byte(head + first + tail)
		if json.Unmarshal(data, &a, lenient) != nil {
			return
		}
		var r repeat
		r.learn(data, &a)
		next := []byte(head + second + tail)
		text, ok := r.read(next)
		if !ok {
			return
		}
		if err := json.Unmarshal(next, &b, lenient); err != nil {
			t.Fatalf("%s: read as %q, and decoding says %v", next, text, err)
		}
		if len(b.Choices) != 1 || !reflect.DeepEqual(b.Choices[0], choice{Text: text}) && !reflect.DeepEqual(b.Choices[0], choice{Delta: said{Content: text}}) ||
			len(b.Error) > 0 || b.Usage != (usage{}) {
			t.Fatalf("%s: read as %q, decoded as %+v", next, text, b)
		}
	})
}

// TestRepeatReads: the chunks of a usual stream are read so.
func TestRepeatReads(t *testing.T) {
	for _, form := range []string{
		`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":%s},"logprobs":null,"finish_reason":null}]}`,
		`{"id":"cmpl-1","object":"text_completion","choices":[{"text":%s,"index":0,"logprobs":null,"finish_reason":null}],"usage":null}`,
	} {
		var a answer
		var r repeat
		first := []byte(fmt.Sprintf(form, `"One"`))
		if err := json.Unmarshal(first, &a, lenient); err != nil {
			t.Fatal(err)
		}
		r.learn(first, &a)
		for quoted, want := range map[string]string{`" two"`: " two", `""`: "", `"a\"\n\u00e9"`: "a\"\né", `"한"`: "한"} {
			if text, ok := r.read([]byte(fmt.Sprintf(form, quoted))); !ok || text != want {
				t.Errorf("%s: %q, %v", quoted, text, ok)
			}
		}
		for _, not := range []string{`null`, `"a","role":"x"`, `"a`, `["a"]`} {
			if text, ok := r.read([]byte(fmt.Sprintf(form, not))); ok {
				t.Errorf("%s was read as %q", not, text)
			}
		}
	}
}

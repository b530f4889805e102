package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/remote"
	"github.com/parley-ai/parley/internal/fault"
)

// upstream is another server, played by a test.
func upstream(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

// open opens a backend on a server that lists no models.
func open(t *testing.T, url string) engine.Backend {
	t.Helper()
	b, err := remote.Open(t.Context(), engine.Spec{Name: "served", Driver: "remote", URL: url + "/v1", APIKey: "sk-up", UpstreamName: "org/model"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// collected is what a sequence brought.
type collected struct {
	started engine.Started
	text    string
	deltas  int
	tokens  []engine.TokenLogprob
	done    engine.Done
	err     error
}

func generate(ctx context.Context, b engine.Backend, req engine.GenerateRequest) (c collected) {
	for e, err := range b.Generate(ctx, req) {
		if err != nil {
			c.err = err
			return c
		}
		switch e := e.(type) {
		case engine.Started:
			c.started = e
		case engine.Delta:
			c.text += e.Text
			c.deltas++
			c.tokens = append(c.tokens, e.Tokens...)
		case engine.Done:
			c.done = e
		}
	}
	return c
}

func hello() engine.GenerateRequest {
	return engine.GenerateRequest{Messages: []engine.Message{{Role: "user", Content: "Say hi."}}, MaxTokens: 8, Sampling: engine.Sampling{TopP: 1}}
}

// servers holds what each kind of server sends for the same two questions.
var servers = map[string]struct {
	stream, whole string
	streamed      engine.Done
	done          engine.Done
}{
	"openai": {
		stream: `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"c","choices":[{"index":0,"delta":{"content":" there"},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"c","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}

data: [DONE]

`,
		whole:    `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi there","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0}},"service_tier":"default"}`,
		streamed: engine.Done{Reason: engine.FinishStop, PromptTokens: 9, CachedTokens: 4, CompletionTokens: 3},
		done:     engine.Done{Reason: engine.FinishStop, PromptTokens: 9, CachedTokens: 4, CompletionTokens: 3},
	},
	"llama-server": {
		stream: `data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"chatcmpl-7","model":"m.gguf","system_fingerprint":"b1-0c1e570","object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hi"}}],"created":1,"id":"chatcmpl-7","model":"m.gguf","object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":" there"}}],"created":1,"id":"chatcmpl-7","model":"m.gguf","object":"chat.completion.chunk"}

data: {"choices":[{"finish_reason":"length","index":0,"delta":{}}],"created":1,"id":"chatcmpl-7","model":"m.gguf","object":"chat.completion.chunk"}

data: {"choices":[],"created":1,"id":"chatcmpl-7","model":"m.gguf","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":33,"total_tokens":35,"prompt_tokens_details":{"cached_tokens":0}},"timings":{"cache_n":0,"prompt_ms":3962.784}}

data: [DONE]

`,
		whole:    `{"choices":[{"finish_reason":"length","index":0,"message":{"role":"assistant","content":"Hi there"}}],"created":1,"model":"m.gguf","object":"chat.completion","usage":{"completion_tokens":2,"prompt_tokens":33,"total_tokens":35,"prompt_tokens_details":{"cached_tokens":32}},"id":"chatcmpl-I","timings":{"cache_n":32}}`,
		streamed: engine.Done{Reason: engine.FinishLength, PromptTokens: 33, CompletionTokens: 2},
		done:     engine.Done{Reason: engine.FinishLength, PromptTokens: 33, CachedTokens: 32, CompletionTokens: 2},
	},
	"vllm": {
		stream: `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"org/model","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"reasoning_content":"They greet."},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hi there"},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null}]}

data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":31,"total_tokens":36,"completion_tokens":5,"prompt_tokens_details":null}}

data: [DONE]

`,
		whole:    `{"id":"chatcmpl-1","object":"chat.completion","model":"org/model","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"They greet.","content":"Hi there","tool_calls":[]},"logprobs":null,"finish_reason":"stop","stop_reason":null}],"usage":{"prompt_tokens":31,"total_tokens":36,"completion_tokens":5,"prompt_tokens_details":null},"prompt_logprobs":null}`,
		streamed: engine.Done{Reason: engine.FinishStop, PromptTokens: 31, CompletionTokens: 5},
		done:     engine.Done{Reason: engine.FinishStop, PromptTokens: 31, CompletionTokens: 5},
	},
	"ollama of old, which tells no usage in streams": {
		stream: `data: {"id":"chatcmpl-2","object":"chat.completion.chunk","model":"llama3","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}

data: {"id":"chatcmpl-2","choices":[{"index":0,"delta":{"role":"assistant","content":" there"},"finish_reason":null}]}

data: {"id":"chatcmpl-2","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}

data: [DONE]

`,
		whole:    `{"id":"chatcmpl-2","object":"chat.completion","model":"llama3","choices":[{"index":0,"message":{"role":"assistant","content":"Hi there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}}`,
		streamed: engine.Done{Reason: engine.FinishStop, CompletionTokens: 2},
		done:     engine.Done{Reason: engine.FinishStop, PromptTokens: 11, CompletionTokens: 3},
	},
	"one that ends without [DONE], with other line ends": {
		stream:   ": hello\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"Hi there\"}}]}\r\n\r\nevent: x\r\ndata:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
		whole:    `{"choices":[{"message":{"content":"Hi there"},"finish_reason":"stop"}]}`,
		streamed: engine.Done{Reason: engine.FinishStop, CompletionTokens: 1},
		done:     engine.Done{Reason: engine.FinishStop},
	},
}

func TestServers(t *testing.T) {
	for name, s := range servers {
		t.Run(name, func(t *testing.T) {
			up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
				var req struct {
					Stream bool `json:"stream"`
				}
				if err := json.NewDecoder(r.Body).Decode(&req); err != nil && r.Method == "POST" {
					t.Error(err)
				}
				switch {
				case r.URL.Path != "/v1/chat/completions":
					w.WriteHeader(404)
				case req.Stream:
					w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
					io.WriteString(w, s.stream)
				default:
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, s.whole)
				}
			})
			b := open(t, up.URL)
			c := generate(t.Context(), b, hello())
			if c.err != nil || c.text != "Hi there" || c.done != s.streamed {
				t.Errorf("streamed: %+v", c)
			}
			req := hello()
			req.Whole = true
			c = generate(t.Context(), b, req)
			if c.err != nil || c.text != "Hi there" || c.deltas != 1 || c.done != s.done || c.started.PromptTokens != s.done.PromptTokens {
				t.Errorf("whole: %+v", c)
			}
		})
	}
}

func TestRequestOnTheWire(t *testing.T) {
	var got map[string]any
	var path, key string
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			w.WriteHeader(404)
			return
		}
		path, key, got = r.URL.Path, r.Header.Get("Authorization"), nil
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"choices":[{"text":"x","message":{"content":""},"finish_reason":"stop"}]}`)
	})
	b := open(t, up.URL)
	for _, c := range []struct {
		name string
		req  engine.GenerateRequest
		path string
		want string
	}{
		{"chat", engine.GenerateRequest{
			Messages:  []engine.Message{{Role: "system", Content: "Be \"kind\"\n\u2028"}, {Role: "user", Content: "안녕\x00", Name: "kim"}},
			MaxTokens: 5, Stop: []string{"\n", "END"}, Logprobs: true, TopLogprobs: 3, User: "u-1", IgnoreEOS: true, ResponseFormat: `{"type":"json_object"}`,
			Sampling: engine.Sampling{Temperature: 0.7, TopP: 0.9, TopK: 40, MinP: 0.05, Seed: 4294967295, PresencePenalty: -1, FrequencyPenalty: 0.5,
				Bias: []engine.TokenBias{{Token: 50256, Bias: -100}, {Token: 1, Bias: 2.5}}},
		}, "/v1/chat/completions", `{"model":"org/model","messages":[{"role":"system","content":"Be \"kind\"\n\u2028"},{"role":"user","name":"kim","content":"안녕\u0000"}],
			"max_tokens":5,"stop":["\n","END"],"temperature":0.7,"seed":4294967295,"top_p":0.9,"top_k":40,"min_p":0.05,"presence_penalty":-1,"frequency_penalty":0.5,
			"logit_bias":{"50256":-100,"1":2.5},"logprobs":true,"top_logprobs":3,"user":"u-1","response_format":{"type":"json_object"},"ignore_eos":true,"stream":true,"stream_options":{"include_usage":true}}`},
		{"text", engine.GenerateRequest{Text: "Once upon", MaxTokens: -1, Logprobs: true, TopLogprobs: 2, Whole: true, Adapter: "lora-1", Sampling: engine.Sampling{TopP: 1}},
			"/v1/completions", `{"model":"lora-1","prompt":"Once upon","temperature":0,"seed":0,"top_p":1,"logprobs":2}`},
		{"broken UTF-8", engine.GenerateRequest{Text: "a\xffb", MaxTokens: 1, Whole: true}, "/v1/completions", `{"model":"org/model","prompt":"a\ufffdb","max_tokens":1,"temperature":0,"seed":0}`},
		{"image", engine.GenerateRequest{Messages: []engine.Message{{Role: "user", Content: "What?"}}, MaxTokens: 1, Whole: true, Images: [][]byte{[]byte("GIF89a")}},
			"/v1/chat/completions", `{"model":"org/model","messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/gif;base64,R0lGODlh"}}]}],"max_tokens":1,"temperature":0,"seed":0}`},
	} {
		if c := generate(t.Context(), b, c.req); c.err != nil {
			t.Errorf("%+v", c.err)
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if path != c.path || key != "Bearer sk-up" || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s with %q\n got %v\nwant %v", c.name, path, key, got, want)
		}
	}
}

func TestLogprobs(t *testing.T) {
	want := []engine.TokenLogprob{
		{Token: -1, Bytes: []byte(" a"), Logprob: -0.5, Top: []engine.TopLogprob{{Token: -1, Bytes: []byte(" a"), Logprob: -0.5}, {Token: -1, Bytes: []byte(" b"), Logprob: -2}}},
		{Token: -1, Bytes: []byte("\xed\x95"), Logprob: -1},
	}
	withIDs := []engine.TokenLogprob{{Token: 260, Bytes: []byte(" a"), Logprob: -0.5, Top: []engine.TopLogprob{{Token: 260, Bytes: []byte(" a"), Logprob: -0.5}}}}
	for name, c := range map[string]struct {
		logprobs string
		want     []engine.TokenLogprob
	}{
		"chat":         {`{"content":[{"token":" a","bytes":[32,97],"logprob":-0.5,"top_logprobs":[{"token":" a","bytes":[32,97],"logprob":-0.5},{"token":" b","bytes":null,"logprob":-2}]},{"token":"\\xed\\x95","bytes":[237,149],"logprob":-1,"top_logprobs":[]}],"refusal":null}`, want},
		"llama-server": {`{"content":[{"id":260,"token":" a","bytes":[32,97],"logprob":-0.5,"top_logprobs":[{"id":260,"token":" a","bytes":[32,97],"logprob":-0.5}]}]}`, withIDs},
		"legacy":       {`{"tokens":[" a"],"token_logprobs":[-0.5],"top_logprobs":[{" b":-2," a":-0.5}],"text_offset":[0]}`, want[:1]},
		"none":         {`null`, nil},
	} {
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"choices":[{"message":{"content":" a"},"finish_reason":"stop","logprobs":%s}]}`, c.logprobs)
		})
		req := hello()
		req.Logprobs, req.TopLogprobs, req.Whole = true, 2, true
		if got := generate(t.Context(), open(t, up.URL), req); got.err != nil || !reflect.DeepEqual(got.tokens, c.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, got.err, got.tokens, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	const window = "This model's maximum context length is 4097 tokens. However, your messages resulted in 6988 tokens. Please reduce the length of the messages."
	for _, c := range []struct {
		name    string
		status  int
		body    string
		kind    fault.Kind
		code    string
		param   string
		message string // a part
	}{
		{"wrong key", 401, `{"error":{"message":"Incorrect API key provided: sk-up.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, fault.Unavailable, "", "", "does not accept the key"},
		{"forbidden", 403, ``, fault.Unavailable, "", "", "does not accept the key"},
		{"window, OpenAI", 400, `{"error":{"message":"` + window + `","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, fault.Invalid, "context_length_exceeded", "messages", window},
		{"window, vLLM of old", 400, `{"object":"error","message":"` + window + `","type":"BadRequestError","param":null,"code":400}`, fault.Invalid, "context_length_exceeded", "", window},
		{"window, vLLM of today", 400, `{"error":{"message":"You passed 1015 input tokens and requested 10 output tokens. However, the model's context length is only 1024 tokens, resulting in a maximum input length of 1014 tokens.","type":"BadRequestError","param":"input_tokens","code":400}}`, fault.Invalid, "context_length_exceeded", "input_tokens", "1015 input tokens"},
		{"window, llama-server", 400, `{"error":{"code":400,"message":"request (12001 tokens) exceeds the available context size (2048 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":12001,"n_ctx":2048}}`, fault.Invalid, "context_length_exceeded", "", "12001 tokens"},
		{"other bad input", 400, `{"error":{"message":"'temperature' must be at most 2","type":"invalid_request_error","param":"temperature","code":"too_big"}}`, fault.Invalid, "too_big", "temperature", "at most 2"},
		{"FastAPI", 422, `{"detail":[{"loc":["body","seed"],"msg":"too large"}]}`, fault.Invalid, "", "", "too large"},
		{"LM Studio", 400, `{"error":"'messages' field is required"}`, fault.Invalid, "", "", "'messages' field is required"},
		{"no body", 400, ``, fault.Invalid, "", "", "without saying why"},
		{"unknown model", 404, `{"error":{"message":"model \"org/model\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, fault.NotFound, "model_not_found", "", "`served` does not exist"},
		{"overloaded", 429, `{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}`, fault.Overloaded, "", "", "currently overloaded"},
		{"too large", 413, `<html>`, fault.TooLarge, "", "", "too large"},
		{"loading", 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, fault.Unavailable, "", "", "failed"},
		{"broken", 500, `Internal Server Error`, fault.Unavailable, "", "", "failed"},
		{"an error with status 200", 200, `{"error":{"code":400,"message":"no","type":"x"}}`, fault.Invalid, "", "", "no"},
		{"no answer", 200, `<html>welcome</html>`, fault.Unavailable, "", "", "no answer of OpenAI's API"},
	} {
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				io.WriteString(w, `{"data":[]}`)
				return
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		b := open(t, up.URL)
		for _, whole := range []bool{false, true} {
			req := hello()
			req.Whole = whole
			f := fault.As(generate(t.Context(), b, req).err)
			if f == nil || f.Kind != c.kind || f.Code != c.code || f.Param != c.param || !strings.Contains(f.Message, c.message) {
				t.Errorf("%s, whole %v: %#v", c.name, whole, f)
				continue
			}
			if strings.Contains(f.Message, "sk-up") || strings.Contains(f.Message, up.URL) {
				t.Errorf("%s: users are told %q", c.name, f.Message)
			}
		}
	}
}

// TestWaitOfTheServer: how long it says that one should wait is passed on.
func TestWaitOfTheServer(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			io.WriteString(w, `{"data":[]}`)
			return
		}
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(429)
	})
	if f := fault.As(generate(t.Context(), open(t, up.URL), hello()).err); f == nil || f.Wait != 20*time.Second {
		t.Errorf("%#v", f)
	}
}

func TestErrorsInTheStream(t *testing.T) {
	for name, c := range map[string]struct {
		tail string
		kind fault.Kind
	}{
		"error event":     {`data: {"error":{"message":"CUDA out of memory","type":"server_error","code":500}}` + "\n\n", fault.Unavailable},
		"broken off":      {"", fault.Unavailable},
		"garbage":         {"data: {\"choices\"\n\n", fault.Unavailable},
		"far too long":    {"data: " + strings.Repeat("x", 5<<20) + "\n\n", fault.Unavailable},
		"bad input, late": {`data: {"error":{"message":"bad","code":400}}` + "\n\n", fault.Invalid},
	} {
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.WriteHeader(404)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"+c.tail)
		})
		got := generate(t.Context(), open(t, up.URL), hello())
		if got.text != "Hi" || fault.KindOf(got.err) != c.kind {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestLongChunks(t *testing.T) {
	long := strings.Repeat("long ", 20_000)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.WriteHeader(404)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q}}]}\n\ndata: [DONE]\n\n", long)
	})
	if got := generate(t.Context(), open(t, up.URL), hello()); got.err != nil || got.text != long {
		t.Errorf("%d bytes, %v", len(got.text), got.err)
	}
}

func TestCancelReachesTheServer(t *testing.T) {
	for name, stop := range map[string]func(cancel func()) bool{
		"break":   func(func()) bool { return true },
		"context": func(cancel func()) bool { cancel(); return false },
	} {
		gone := make(chan struct{})
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				w.WriteHeader(404)
				return
			}
			// The server sees a closed connection only while it reads nothing more.
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			close(gone)
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for e, err := range open(t, up.URL).Generate(ctx, hello()) {
			last = err
			if _, ok := e.(engine.Delta); ok && stop(cancel) {
				break
			}
		}
		if name == "context" && last != context.Canceled {
			t.Errorf("%s: the last error is %v", name, last)
		}
		select {
		case <-gone:
		case <-time.After(30 * time.Second):
			t.Fatalf("%s: the server still answers", name)
		}
	}
}

func TestCloseEndsSequences(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.WriteHeader(404)
			return
		}
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	b := open(t, up.URL)
	var last error
	for e, err := range b.Generate(t.Context(), hello()) {
		last = err
		if _, ok := e.(engine.Delta); ok {
			b.Close()
		}
	}
	if fault.KindOf(last) != fault.Unavailable {
		t.Errorf("the sequence ended with %v", last)
	}
	if got := generate(t.Context(), b, hello()); fault.KindOf(got.err) != fault.Unavailable {
		t.Errorf("after Close: %v", got.err)
	}
}

// TestRefusedConnection: a server that comes up a little later is waited for, one that stays away is
// reported, and a request that a server took and dropped is not sent twice.
func TestRefusedConnection(t *testing.T) {
	var posts, refuse atomic.Int32
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.WriteHeader(404)
			return
		}
		posts.Add(1)
		if r.URL.Path == "/dropping/chat/completions" {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, `{"choices":[{"message":{"content":"late"},"finish_reason":"stop"}]}`)
	})
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if refuse.Add(-1) >= 0 {
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	at := func(path string) engine.Backend {
		refuse.Store(0)
		b, err := remote.Opener(remote.Options{Client: client})(t.Context(), engine.Spec{Name: "served", URL: up.URL + path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := at("/v1")
	refuse.Store(2)
	if got := generate(t.Context(), b, hello()); got.err != nil || got.text != "late" {
		t.Errorf("a server that comes back: %+v", got)
	}
	refuse.Store(3)
	if got := generate(t.Context(), b, hello()); fault.KindOf(got.err) != fault.Unavailable || !strings.Contains(got.err.Error(), "cannot be reached") {
		t.Errorf("a server that stays away: %v", got.err)
	}
	refuse.Store(3)
	if _, err := remote.Opener(remote.Options{Client: client})(t.Context(), engine.Spec{Name: "served", URL: up.URL + "/v1"}, nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("opening a server that stays away: %v", err)
	}
	b = at("/dropping")
	posts.Store(0)
	if got := generate(t.Context(), b, hello()); fault.KindOf(got.err) != fault.Unavailable {
		t.Errorf("a dropped request: %v", got.err)
	}
	if n := posts.Load(); n != 1 {
		t.Errorf("a request that may have run was sent %d times", n)
	}
}

func TestModels(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []remote.Model
	}{
		"vllm":         {`{"object":"list","data":[{"id":"org/model","object":"model","owned_by":"vllm","max_model_len":4096}]}`, []remote.Model{{ID: "org/model", ContextWindow: 4096}}},
		"llama-server": {`{"models":[{"name":"m"}],"object":"list","data":[{"id":"org/model","meta":{"n_ctx":2048,"n_ctx_train":8192}}]}`, []remote.Model{{ID: "org/model", ContextWindow: 2048}}},
		"ollama":       {`{"object":"list","data":[{"id":"llama3:latest","object":"model","created":1,"owned_by":"library"},{"id":"org/model"}]}`, []remote.Model{{ID: "llama3:latest"}, {ID: "org/model"}}},
		"ollama empty": {`{"object":"list","data":null}`, []remote.Model{}},
	} {
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/models" {
				t.Error(r.URL.Path)
			}
			io.WriteString(w, c.body)
		})
		got, err := remote.Models(t.Context(), remote.Options{}, up.URL+"/v1/", "")
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		info, err := open(t, up.URL).Info(t.Context())
		window := 0
		for _, m := range c.want {
			if m.ID == "org/model" {
				window = m.ContextWindow
			}
		}
		if err != nil || info.ContextWindow != window || info.Input != engine.InputMessages || info.Name != "served" {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	for _, bad := range []string{"", "localhost:8000", "ftp://x/v1", "http://"} {
		if _, err := remote.Open(t.Context(), engine.Spec{Name: "x", URL: bad}, nil); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("the address %q: %v", bad, err)
		}
	}
}

func TestEmbed(t *testing.T) {
	var body []byte
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		io.WriteString(w, `{"object":"list","data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,4]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`)
	})
	b := open(t, up.URL)
	got, err := b.Embed(t.Context(), engine.EmbedRequest{Texts: []string{"a", "b"}})
	want := engine.EmbedResponse{Vectors: [][]float32{{0.6, 0.8}, {0, 1}}, PromptTokens: 7}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if !bytes.Equal(body, []byte(`{"model":"org/model","encoding_format":"float","input":["a","b"]}`)) {
		t.Errorf("asked %s", body)
	}
	if _, err := b.Embed(t.Context(), engine.EmbedRequest{Texts: []string{"a", "b", "c"}}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a vector is missing: %v", err)
	}
}

func TestWhatItCannot(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			t.Error("a request that cannot be said was sent")
		}
		w.WriteHeader(404)
	})
	b := open(t, up.URL)
	for name, change := range map[string]func(*engine.GenerateRequest){
		"tokens":  func(r *engine.GenerateRequest) { r.Tokens = []engine.Token{1} },
		"grammar": func(r *engine.GenerateRequest) { r.Sampling.Grammar = &engine.Grammar{} },
		"texts":   func(r *engine.GenerateRequest) { r.Sampling.BiasTexts = make([]engine.BiasText, 1) },
		"the end": func(r *engine.GenerateRequest) { r.Sampling.EndBias = -100 },
		"scoring": func(r *engine.GenerateRequest) { r.PromptLogprobs = true },
	} {
		req := hello()
		change(&req)
		if got := generate(t.Context(), b, req); fault.KindOf(got.err) != fault.Invalid {
			t.Errorf("%s: %v", name, got.err)
		}
	}
	if _, err := b.Tokenize(t.Context(), engine.TokenizeRequest{Text: "x"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Tokenize: %v", err)
	}
}

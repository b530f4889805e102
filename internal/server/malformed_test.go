package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// validRequests are what the bad ones are made of: every route of the text API, and the pages' own that
// take a body.
var validRequests = []struct{ method, path, body string }{
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":3,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi","name":"a"}],"temperature":0.5,"top_p":1,"n":1,"stop":["x"],"seed":1,"presence_penalty":0,"frequency_penalty":0,"logit_bias":{"50":1},"user":"u"}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_completion_tokens":3,"stream":true,"stream_options":{"include_usage":true},"logprobs":true,"top_logprobs":2,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":20,"messages":[{"role":"user","content":"JSON"}],"response_format":{"type":"json_schema","json_schema":{"name":"b","strict":true,"schema":{"type":"object","properties":{"b":{"type":"array","items":{"$ref":"#/$defs/x"}}},"required":["b"],"additionalProperties":false,"$defs":{"x":{"type":"string","pattern":"^[a-z]{2}$"}}}}}}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":20,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":20,"messages":[{"role":"user","content":"x"},{"role":"function","name":"f","content":"1"}],"functions":[{"name":"f","parameters":{"type":"object","properties":{}}}],"function_call":{"name":"f"}}`},
	{"POST", "/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":["one","two"],"max_tokens":3,"n":1,"best_of":2,"echo":true,"logprobs":2,"stop":"x","suffix":null,"temperature":0,"logit_bias":{"50256":-100},"user":"u","seed":3}`},
	{"POST", "/v1/completions", `{"model":"echo","prompt":[[72,105],[72]],"max_tokens":2,"stream":true}`},
	{"POST", "/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":"Once ","suffix":" time","max_tokens":2}`},
	{"POST", "/v1/edits", `{"model":"text-davinci-edit-001","input":"teh","instruction":"Fix it.","n":1,"temperature":0,"top_p":1}`},
	{"GET", "/v1/engines", ""},
	{"GET", "/v1/engines/davinci", ""},
	{"POST", "/v1/engines/davinci/completions", `{"prompt":"hi","max_tokens":2}`},
	{"POST", "/v1/engines/text-davinci-edit-001/edits", `{"input":"teh","instruction":"Fix it."}`},
	{"POST", "/v1/engines/text-embedding-ada-002/embeddings", `{"input":"hi"}`},
	{"POST", "/v1/engines/text-embedding-ada-002/search", `{"query":"a","documents":["b","c"],"max_rerank":200,"return_metadata":false}`},
	{"POST", "/v1/embeddings", `{"model":"text-embedding-ada-002","input":["hi","ho"],"encoding_format":"base64","dimensions":8,"user":"u"}`},
	{"POST", "/v1/embeddings", `{"model":"text-embedding-ada-002","input":[[13347],[1,2,3]]}`},
	{"POST", "/v1/tokenize", `{"encoding":"cl100k_base","text":"hi <|endoftext|>","allowed_special":["<|endoftext|>"],"pieces":true}`},
	{"POST", "/v1/tokenize", `{"model":"gpt-4","messages":[{"role":"user","content":"hi","name":"a"}]}`},
	{"POST", "/v1/detokenize", `{"encoding":"cl100k_base","tokens":[13347,0]}`},
	{"GET", "/v1/models", ""},
	{"GET", "/v1/models/gpt-4", ""},
	{"GET", "/api/calendar", ""},
	{"PUT", "/api/calendar/my-name", `{"served":"echo","window":100,"encoding":"cl100k_base","moves":[{"from":"2024-01-01","to":"gpt-4"}],"announced":"2024-01-01","shutdown":"2025-01-01","input_price":0.5,"replacement":"gpt-4"}`},
	{"DELETE", "/api/calendar/my-name", ""},
	{"POST", "/api/chats", `{"title":"x","model":"gpt-4"}`},
	{"GET", "/api/chats?limit=5&order=asc&query=x", ""},
	{"POST", "/api/keys", `{"name":"x","scopes":["chat.write"]}`},
	{"POST", "/api/session", `{"token":"x"}`},
}

// raw is a value of a body as it is written, which need not be JSON.
type raw string

// strange are values where others are expected.
var strange = []raw{
	`null`, `true`, `0`, `-1`, `129`, `1e308`, `1e999`, `-1e999`, `123456789012345678901234567890`, `0.5`, `9007199254740993`, `-0`, `""`, `"x"`, `"한국어 👍"`, `"\u0000"`, `"\ud800"`,
	`"\udc00\ud800x"`, `"NaN"`, `NaN`, `Infinity`, `[]`, `{}`, `[[]]`, `[{}]`, `[null]`, `{"":""}`, `[1,2,3]`, `["a","b","c","d","e"]`, `[-1]`, `[99999999]`, `{"1":1}`, `{"-5":3}`, `{"99999999":1}`, `[1,"a"]`,
	`[{"role":"user","content":"<|end|>"}]`, `[{"role":"wizard","content":""}]`, `[{"role":"user","content":[{"type":1}]}]`, `[{"role":["user"]}]`, `{"$ref":"#"}`, `{"type":"string","pattern":"(a*)*$"}`,
	raw(strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000)), raw(strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat(`}`, 9_000)),
	raw(`"` + strings.Repeat("x", 100_000) + `"`), raw(`[` + strings.Repeat(`"a",`, 5_000) + `"a"]`), raw(strings.Repeat(`9`, 5_000)),
}

// broken are pieces that make a text no JSON, wherever they stand.
var broken = []string{`-`, `01`, `tru`, `[`, `{`, `"`, `}`, `'a'`, "\x00", "\xff", "\xed\xa0\x80", "\ufeff", `/*x*/`, `"\x"`, `,,`, strings.Repeat(`[`, 20_000), strings.Repeat(`{"a":`, 20_000)}

// mutated is v with one of its parts changed. Objects are walked in the order of their names, so that a
// seed always makes the same requests.
func mutated(r *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || r.IntN(8) == 0 {
			break
		}
		keys := slices.Sorted(maps.Keys(v))
		key := keys[r.IntN(len(keys))]
		switch r.IntN(8) {
		case 0:
			delete(v, key)
		case 1:
			v[key+"x"] = v[key]
		case 2:
			v[keys[r.IntN(len(keys))]] = v[key]
		default:
			v[key] = mutated(r, v[key])
		}
		return v
	case []any:
		if len(v) == 0 || r.IntN(6) == 0 {
			break
		}
		i := r.IntN(len(v))
		switch r.IntN(6) {
		case 0:
			return slices.Delete(v, i, i+1)
		case 1:
			return slices.Repeat(v, 1+r.IntN(2_000)/len(v))
		default:
			v[i] = mutated(r, v[i])
		}
		return v
	}
	return strange[r.IntN(len(strange))]
}

// text writes a body.
func text(b *strings.Builder, v any) {
	switch v := v.(type) {
	case raw:
		b.WriteString(string(v))
	case map[string]any:
		b.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, "%q:", key)
			text(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			text(b, e)
		}
		b.WriteByte(']')
	default:
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // it came from JSON
		}
		b.Write(data)
	}
}

// malformed is a request that is wrong in some way, mostly.
func malformed(r *rand.Rand, url string) *http.Request {
	from := validRequests[r.IntN(len(validRequests))]
	body, header := from.body, http.Header{"Content-Type": {"application/json"}}
	if body != "" {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			panic(err)
		}
		for range 1 + r.IntN(3) {
			v = mutated(r, v)
		}
		var b strings.Builder
		text(&b, v)
		body = b.String()
		switch at := r.IntN(len(body) + 1); r.IntN(10) {
		case 0:
			body = body[:at] + broken[r.IntN(len(broken))] + body[at:]
		case 1:
			body = body[:at]
		case 2: // a member twice
			body = strings.Replace(body, "{", `{"model":"gpt-4",`, 1)
		case 3:
			body += body
		case 4:
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(body)) // a buffer takes everything
			_ = z.Close()
			body = packed.String()
			if r.IntN(2) == 0 {
				header.Set("Content-Encoding", "gzip")
			}
		case 5:
			header.Set("Content-Type", []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "\"", "application/xml"}[r.IntN(8)])
		}
	}
	method, path := from.method, from.path
	switch r.IntN(12) {
	case 0:
		method = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"}[r.IntN(9)]
	case 1:
		path += []string{"/", "//", "/..", "/%00", "/%ff%fe", "?limit=-1", "?after=%00", "?%zz", "?limit=1e9&order=up", "/" + strings.Repeat("x", 5_000), "/%2e%2e%2fx"}[r.IntN(11)]
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.URL.Opaque = path // as it is, also where it is no proper path
	if r.IntN(20) == 0 {
		req.ContentLength = -1 // in chunks
	}
	req.Header = header
	return req
}

// counted counts what is logged as an error.
type counted struct {
	slog.Handler
	errors *atomic.Int64
}

func (c counted) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		c.errors.Add(1)
	}
	return c.Handler.Handle(ctx, r)
}

// footprint is what a process holds after what can be given back was.
type footprint struct{ heap, resident, goroutines int64 }

func measure(t *testing.T) (f footprint) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap, f.goroutines = int64(m.HeapAlloc), int64(runtime.NumGoroutine())
	if status, err := os.ReadFile("/proc/self/status"); err == nil { // Linux alone tells
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				f.resident = kb << 10
			}
		}
	}
	return f
}

// TestMalformedRequests sends ten thousand of them: each gets an answer in the API's shape, none is the
// server's fault, and nothing of them stays.
func TestMalformedRequests(t *testing.T) {
	var logged atomic.Int64
	var backend engine.Backend
	open := echo.Opener(echo.Options{})
	s := testkit.Start(t, testkit.Options{
		Log: slog.New(counted{slog.NewTextHandler(io.Discard, nil), &logged}),
		Opener: func(ctx context.Context, spec engine.Spec, progress engine.Progress) (_ engine.Backend, err error) {
			backend, err = open(ctx, spec, progress)
			return backend, err
		},
	})
	r := rand.New(rand.NewPCG(1, 2))
	statuses := map[int]int{}
	send := func(n int) {
		for range n {
			req := malformed(r, s.URL())
			req.Header.Set("Authorization", "Bearer "+s.Key)
			statuses[exchange(t, req)]++
		}
		eventually(t, "requests are left", func() bool {
			stats, err := backend.(engine.StatsReporter).Stats(t.Context())
			return err == nil && s.Active() == 0 && stats.Active == 0 && stats.Queued == 0
		})
	}
	total := 10_000
	if testing.Short() {
		total = 2_000
	}
	for _, name := range bpe.Names() { // their tables stay, whoever asks first
		if _, err := bpe.Get(name); err != nil {
			t.Fatal(err)
		}
	}
	send(total / 5) // pools, caches and templates fill
	before := measure(t)
	send(total - total/5)
	eventually(t, "goroutines are left", func() bool { return measure(t).goroutines <= before.goroutines })
	after := measure(t)
	t.Logf("statuses %v; heap %+d KB, resident %+d KB", statuses, (after.heap-before.heap)>>10, (after.resident-before.resident)>>10)
	// A leak of 256 bytes a request would be 2 MB.
	if grown := after.heap - before.heap; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if grown := after.resident - before.resident; grown > 32<<20 {
		t.Errorf("the memory grew by %d bytes", grown)
	}
	if n := logged.Load(); n > 0 {
		t.Errorf("%d errors in the log", n)
	}
	if statuses[200] < total/20 || statuses[400] < total/4 {
		t.Errorf("statuses %v: the requests are too good, or too bad, to say much", statuses)
	}
}

// exchange sends a request and looks at the answer's form. It returns the status.
func exchange(t *testing.T, req *http.Request) int {
	t.Helper()
	what := req.Method + " " + req.URL.Opaque
	if len(what) > 100 {
		what = what[:100]
	}
	body, err := req.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	sent, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %.300q: %v", what, sent, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %.300q: %v", what, sent, err)
	}
	var out struct {
		Error *struct{ Message, Type string }
	}
	switch {
	case resp.StatusCode >= 500:
		t.Errorf("%s %.300q: %s %.300s", what, sent, resp.Status, answer)
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		if !bytes.HasSuffix(bytes.TrimSpace(answer), []byte("data: [DONE]")) || bytes.Contains(answer, []byte(`"server_error"`)) {
			t.Errorf("%s %.300q: %.300s", what, sent, answer)
		}
	case resp.StatusCode >= 400 && req.Method != http.MethodHead:
		if err := json.Unmarshal(answer, &out); err != nil || out.Error == nil || out.Error.Message == "" || out.Error.Type == "" {
			t.Errorf("%s %.300q: %s %.300s", what, sent, resp.Status, answer)
		} else if len(answer) > 4_000 {
			t.Errorf("%s %.300q: an error of %d bytes", what, sent, len(answer))
		}
	}
	return resp.StatusCode
}

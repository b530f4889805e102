package tokenizer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/generate/generatetest"
)

// answer is any answer of the two routes.
type answer struct {
	Object, Model, Served, Encoding, Text, Base64 string
	Count                                         int
	Tokens                                        []int
	Pieces                                        []struct {
		Token string
		Bytes []int
	}
	Messages []int
	Overhead *int
	Error    struct{ Message, Param, Code string }
}

// books is a fake of the limits, the usage log and the calendar that keeps what it is told.
type books struct {
	refuse   error
	admitted []string // class and name
	records  []string // operation, name, what answered, and how it ended
}

func (b *books) Admit(_ context.Context, _ actor.Actor, class, model string) ([][2]string, error) {
	b.admitted = append(b.admitted, class+" "+model)
	return [][2]string{{"x-ratelimit-limit-requests", "60"}}, b.refuse
}

func (b *books) Record(_ context.Context, _ actor.Actor, op, model, served string, err error) {
	b.records = append(b.records, fmt.Sprintf("%s %s %s %t", op, model, served, err == nil))
}

func (b *books) Names(actor.Actor) []Name {
	dollars := func(v float64) *float64 { return &v }
	return []Name{
		{Model: "gpt-4", Kind: "chat", Encoding: "cl100k_base", Window: 8192, Input: dollars(0.03), Output: dollars(0.06)},
		{Model: "gpt-3.5-turbo-0301", Kind: "chat", Encoding: "cl100k_base", Window: 4096, Input: dollars(0.0015), Output: dollars(0.002)},
		{Model: "davinci", Kind: "completion", Encoding: "r50k_base", Window: 2049, Input: dollars(0.02), Output: dollars(0.02)},
		{Model: "ours", Kind: "chat", Input: dollars(0)},
		{Model: "free", Kind: "chat", Encoding: "cl100k_base"},
	}
}

// serve serves the routes over the echo engine, whose tokens are bytes.
func serve(t testing.TB) (*httptest.Server, *books) {
	t.Helper()
	b := &books{}
	w := generatetest.New(t, echo.Options{})
	return generatetest.Serve(t, (&API{Tokenizer: &Service{Models: w.Service, Calendar: b, Limits: b, Usage: b}}).Routes()), b
}

// ask posts to a server of its own.
func ask(t *testing.T, path, body string) (int, answer) {
	t.Helper()
	srv, _ := serve(t)
	resp, text := generatetest.Do(t, srv, http.MethodPost, path, body)
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return resp.StatusCode, a
}

func TestTextWithAnEncoding(t *testing.T) {
	status, a := ask(t, "/v1/tokenize", `{"encoding":"cl100k_base","text":"ChatGPT is great!","pieces":true}`)
	if status != http.StatusOK || a.Object != "tokenization" || a.Encoding != "cl100k_base" || a.Model != "" {
		t.Fatalf("%d: %+v", status, a)
	}
	if want := []int{16047, 38, 2898, 374, 2294, 0}; a.Count != 6 || !slices.Equal(a.Tokens, want) {
		t.Errorf("%d tokens %v, want %v", a.Count, a.Tokens, want)
	}
	var texts []string
	for _, p := range a.Pieces {
		texts = append(texts, p.Token)
	}
	if got := strings.Join(texts, "|"); got != "Chat|G|PT| is| great|!" {
		t.Errorf("pieces %s", got)
	}
}

func TestPiecesThatArePartsOfACharacter(t *testing.T) {
	_, a := ask(t, "/v1/tokenize", `{"encoding":"r50k_base","text":"안","pieces":true}`)
	var b []byte
	for _, p := range a.Pieces {
		if p.Token != "\uFFFD" {
			t.Errorf("piece %q", p.Token)
		}
		for _, c := range p.Bytes {
			b = append(b, byte(c))
		}
	}
	if len(a.Pieces) < 2 || string(b) != "안" {
		t.Errorf("%d pieces make %q", len(a.Pieces), b)
	}
}

func TestSpecialTokens(t *testing.T) {
	for _, c := range []struct {
		name, more string
		want       []int
		refused    bool
	}{
		{name: "refused as tiktoken does", refused: true},
		{name: "plain text", more: `,"disallowed_special":[]`, want: []int{64, 27, 91, 8862, 728, 428, 91, 29}},
		{name: "all", more: `,"allowed_special":"all"`, want: []int{64, 100257}},
		{name: "one", more: `,"allowed_special":["<|endoftext|>"]`, want: []int{64, 100257}},
		{name: "another", more: `,"allowed_special":["<|fim_prefix|>"]`, refused: true},
	} {
		status, a := ask(t, "/v1/tokenize", `{"encoding":"cl100k_base","text":"a<|endoftext|>"`+c.more+`}`)
		if c.refused {
			if status != http.StatusBadRequest || a.Error.Param != "text" || !strings.Contains(a.Error.Message, "<|endoftext|>") {
				t.Errorf("%s: %d %+v", c.name, status, a.Error)
			}
			continue
		}
		if status != http.StatusOK || !slices.Equal(a.Tokens, c.want) {
			t.Errorf("%s: %d %v, want %v", c.name, status, a.Tokens, c.want)
		}
	}
}

// TestChatWithAnEncoding has the example of OpenAI's cookbook and the count that it gives for gpt-4.
func TestChatWithAnEncoding(t *testing.T) {
	status, a := ask(t, "/v1/tokenize", `{"encoding":"cl100k_base","messages":[
		{"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
		{"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
		{"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
		{"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
		{"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
		{"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}`)
	if status != http.StatusOK || a.Count != 129 || a.Overhead == nil || a.Tokens != nil {
		t.Fatalf("%d: %d tokens, %+v", status, a.Count, a)
	}
	sum := *a.Overhead
	for _, n := range a.Messages {
		sum += n
	}
	if len(a.Messages) != 6 || sum != a.Count {
		t.Errorf("messages %v and overhead %d are %d, not %d", a.Messages, *a.Overhead, sum, a.Count)
	}
}

func TestServedModel(t *testing.T) {
	status, a := ask(t, "/v1/tokenize", `{"model":"gpt-4","text":"Hé","pieces":true}`)
	if status != http.StatusOK || a.Model != "gpt-4" || a.Served != "echo" || a.Encoding != "native" || !slices.Equal(a.Tokens, []int{72, 195, 169}) {
		t.Fatalf("%d: %+v", status, a)
	}
	if len(a.Pieces) != 3 || a.Pieces[0].Token != "H" || a.Pieces[1].Token != "\uFFFD" || a.Pieces[1].Bytes[0] != 195 {
		t.Errorf("pieces %+v", a.Pieces)
	}
	if _, back := ask(t, "/v1/detokenize", `{"model":"gpt-4","tokens":[72,195,169]}`); back.Text != "Hé" || back.Served != "echo" || back.Base64 != "" {
		t.Errorf("back: %+v", back)
	}
	status, a = ask(t, "/v1/tokenize", `{"model":"gpt-4","messages":[{"role":"user","content":"Hi"}]}`)
	if status != http.StatusOK || len(a.Tokens) != a.Count || !slices.Equal(a.Messages, []int{2}) || a.Overhead == nil || *a.Overhead != a.Count-2 || *a.Overhead < 1 {
		t.Errorf("a chat: %d %+v", status, a)
	}
	if status, a = ask(t, "/v1/tokenize", `{"model":"echo","text":""}`); status != http.StatusOK || a.Tokens == nil || a.Count != 0 {
		t.Errorf("nothing: %d %+v", status, a)
	}
}

func TestDetokenize(t *testing.T) {
	if _, a := ask(t, "/v1/detokenize", `{"encoding":"cl100k_base","tokens":[16047,38,2898,374,2294,0,100257]}`); a.Text != "ChatGPT is great!<|endoftext|>" || a.Object != "detokenization" {
		t.Errorf("%+v", a)
	}
	if _, a := ask(t, "/v1/detokenize", `{"encoding":"cl100k_base","tokens":[64,255]}`); a.Text != "a\uFFFD" || a.Base64 == "" {
		t.Errorf("half a character: %+v", a)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ path, body, param, says string }{
		{"/v1/tokenize", `{"text":"a"}`, "model", "cl100k_base"},
		{"/v1/tokenize", `{"model":"echo","encoding":"cl100k_base","text":"a"}`, "model", "either"},
		{"/v1/tokenize", `{"encoding":"cl200k","text":"a"}`, "encoding", "o200k_base"},
		{"/v1/tokenize", `{"encoding":"cl100k_base"}`, "text", "messages"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","text":"a","messages":[]}`, "text", "one of them"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[]}`, "messages", "too short"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"content":"a"}]}`, "messages", "role"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"pieces":true}`, "pieces", "model"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","model":"none","messages":[{"role":"user","content":"a"}]}`, "model", "no entry"},
		{"/v1/tokenize", `{"encoding":"r50k_base","model":"gpt-4","messages":[{"role":"user","content":"a"}]}`, "encoding", "cl100k_base"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":7}]}`, "messages[0].content", "string"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, "messages[0].content[0]", "text"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","text":"a","functions":[{"name":"f"}]}`, "messages", "Functions"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"functions":[],"tools":[]}`, "functions", "one of them"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"functions":[{"description":"f"}]}`, "functions[0].name", "required"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"tools":[{"type":"retrieval"}]}`, "tools[0].type", "function"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"functions":[{"name":"f","parameters":7}]}`, "functions", "`f`"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"functions":[{"name":"f","parameters":` + strings.Repeat(`{"items":`, maxDepth) + `{}` + strings.Repeat(`}`, maxDepth) + `}]}`, "functions", "levels"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"functions":[{"name":"f"}],"function_call":"some"}`, "function_call", "required"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","messages":[{"role":"user","content":"a"}],"functions":[{"name":"f"}],"function_call":{}}`, "function_call.name", "required"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","model":"gpt-3.5-turbo-0301","messages":[{"role":"user","content":"a"}],"functions":[{"name":"f"}]}`, "model", "no functions"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","text":"a","pieces":true,"count_only":true}`, "count_only", "either"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","text":"a","allowed_special":"some"}`, "allowed_special", "all"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","text":"a","allowed_special":7}`, "allowed_special", "list"},
		{"/v1/tokenize", `{"model":"echo","text":"a","allowed_special":["x"]}`, "allowed_special", "encoding"},
		{"/v1/tokenize", `{"model":"echo","text":"a","disallowed_special":"all"}`, "disallowed_special", "encoding"},
		{"/v1/tokenize", `{"model":"none","text":"a"}`, "", "does not exist"},
		{"/v1/tokenize", `{"encoding":"cl100k_base","text":"` + strings.Repeat("a b ", maxPieces) + `","pieces":true}`, "pieces", "at most"},
		{"/v1/detokenize", `{"encoding":"cl100k_base","tokens":[64,100256]}`, "tokens", "100256"},
		{"/v1/detokenize", `{"encoding":"cl100k_base","tokens":[-1]}`, "tokens", "-1"},
		{"/v1/detokenize", `{"model":"echo","tokens":[100000]}`, "tokens", "100000"},
		{"/v1/detokenize", `{"tokens":[1]}`, "model", "either"},
	} {
		status, a := ask(t, c.path, c.body)
		if status != http.StatusBadRequest && status != http.StatusNotFound || a.Error.Param != c.param && c.param != "" || !strings.Contains(a.Error.Message, c.says) {
			t.Errorf("%.80s: %d, param %q: %s", c.body, status, a.Error.Param, a.Error.Message)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	f.Add(`{"encoding":"cl100k_base","text":"a","allowed_special":["<|endoftext|>"]}`)
	f.Add(`{"encoding":"p50k_edit","messages":[{"role":"user","content":"a","name":"b"}]}`)
	f.Add(`{"model":"echo","text":"\ud800","pieces":true}`)
	f.Add(`{"encoding":"cl100k_base","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}],
		"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"type":["string","null"],"anyOf":[{"enum":[1]}]}}}}}],"tool_choice":{"function":{"name":"f"}}}`)
	srv, _ := serve(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/tokenize", "/v1/detokenize", "/api/tokenizer/prices"} {
			if resp, text := generatetest.Do(t, srv, http.MethodPost, path, body); resp.StatusCode >= 500 {
				t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
			}
		}
	})
}

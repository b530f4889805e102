package chat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
)

func serve(t testing.TB, o echo.Options) (*generatetest.World, *httptest.Server) {
	t.Helper()
	w := generatetest.New(t, o)
	a := &API{Generate: w.Service, Clock: clock.NewFake(generatetest.Time), NewID: func() string { return "chatcmpl-1" }}
	return w, generatetest.Serve(t, a.Routes())
}

func post(t testing.TB, srv *httptest.Server, body string) (*http.Response, string) {
	t.Helper()
	return generatetest.Do(t, srv, http.MethodPost, "/v1/chat/completions", body)
}

const hi = `"messages":[{"role":"user","content":"Hi"}]`

func TestAnswersGoldens(t *testing.T) {
	tests := []struct{ name, body string }{
		{"plain.json", `{"model":"gpt-4","temperature":0,` + hi + `}`},
		{"old_programs_send_nulls.json", `{"model":"gpt-4","temperature":0,"stop":null,"logprobs":null,"user":null,"max_tokens":null,"n":null,"logit_bias":null,"functions":null,` + hi + `}`},
		{"length.json", `{"model":"gpt-4","temperature":0,"max_tokens":3,` + hi + `}`},
		{"stop.json", `{"model":"gpt-4","temperature":0,"stop":": ",` + hi + `}`},
		{"two.json", `{"model":"gpt-4","temperature":0,"n":2,` + hi + `}`},
		{"parts.json", `{"model":"gpt-4","temperature":0,"messages":[{"role":"developer","content":"Be brief."},{"role":"user","name":"ann","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}]}`},
		{"logprobs.json", `{"model":"gpt-4","temperature":0,"max_tokens":1,"logprobs":true,"top_logprobs":2,` + hi + `}`},
		{"stream.sse", `{"model":"gpt-4","temperature":0,"stream":true,` + hi + `}`},
		{"stream_usage.sse", `{"model":"gpt-4","temperature":0,"max_tokens":2,"stream":true,"stream_options":{"include_usage":true},` + hi + `}`},
		{"stream_logprobs.sse", `{"model":"gpt-4","temperature":0,"max_tokens":1,"stream":true,"logprobs":true,` + hi + `}`},
	}
	_, srv := serve(t, echo.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := post(t, srv, tt.body)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			generatetest.Golden(t, tt.name, body)
			want := "application/json"
			if strings.HasSuffix(tt.name, ".sse") {
				want = "text/event-stream"
			}
			if got := resp.Header.Get("Content-Type"); got != want {
				t.Errorf("Content-Type %q", got)
			}
			for h, want := range map[string]string{"Openai-Model": "gpt-4-0613", "Parley-Served-Model": "echo", "X-Ratelimit-Limit-Requests": "60"} {
				if got := resp.Header.Get(h); got != want {
					t.Errorf("%s: %q, want %q", h, got, want)
				}
			}
		})
	}
}

func TestSeveralStreamedChoicesAreWhole(t *testing.T) {
	w, srv := serve(t, echo.Options{})
	_, body := post(t, srv, `{"model":"gpt-4","temperature":0,"n":3,"stream":true,`+hi+`}`)
	texts, finished := map[int]string{}, map[int]string{}
	for line := range strings.SplitSeq(body, "\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var c struct {
			Choices []struct {
				Index        int
				Delta        struct{ Role, Content string }
				FinishReason string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatal(err)
		}
		ch := c.Choices[0]
		if _, seen := texts[ch.Index]; !seen && ch.Delta.Role != "assistant" {
			t.Errorf("choice %d begins without its role: %s", ch.Index, data)
		}
		texts[ch.Index] += ch.Delta.Content
		finished[ch.Index] += ch.FinishReason
	}
	for i := range 3 {
		if texts[i] != "Echo: Hi" || finished[i] != "stop" {
			t.Errorf("choice %d: %q, finished %q", i, texts[i], finished[i])
		}
	}
	if !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("ends with %q", body[max(0, len(body)-40):])
	}
	if r := w.Records(); len(r) != 1 || r[0].Op != "chat" {
		t.Errorf("records %+v", r)
	}
}

func TestBadRequests(t *testing.T) {
	w, srv := serve(t, echo.Options{})
	msg := func(m string) string { return `{"model":"gpt-4","messages":[` + m + `]}` }
	with := func(p string) string { return `{"model":"gpt-4",` + p + `,` + hi + `}` }
	tests := []struct {
		name, body  string
		status      int
		param, code string
		text        string // a part of the message
	}{
		{"no body", ``, 400, "", "", "JSON body"},
		{"no JSON", `{"model":`, 400, "", "", "could not parse the JSON body"},
		{"not an object", `[]`, 400, "", "invalid_type", "[] is not of type 'object'"},
		{"no model", `{` + hi + `}`, 400, "", "", "you must provide a model parameter"},
		{"no messages", `{"model":"gpt-4"}`, 400, "messages", "missing_required_parameter", "'messages' is a required property"},
		{"empty messages", `{"model":"gpt-4","messages":[]}`, 400, "messages", "empty_array", "[] is too short - 'messages'"},
		{"messages as text", `{"model":"gpt-4","messages":"hi"}`, 400, "messages", "invalid_type", "'hi' is not of type 'array' - 'messages'"},
		{"unknown model", `{"model":"gpt-9",` + hi + `}`, 404, "", "model_not_found", "gpt-9"},
		{"unknown role", msg(`{"role":"robot","content":"x"}`), 400, "messages[0].role", "invalid_value", "'robot' is not one of ['system', 'assistant', 'user', 'function', 'tool', 'developer'] - 'messages.0.role'"},
		{"no role", msg(`{"content":"x"}`), 400, "messages[0].role", "missing_required_parameter", "'role' is a required property - 'messages.0'"},
		{"content null", msg(`{"role":"user","content":null}`), 400, "messages[0].content", "", "Invalid value for 'content': expected a string, got null."},
		{"no content", msg(`{"role":"user"}`), 400, "messages[0].content", "missing_required_parameter", "'content' is a required property - 'messages.0'"},
		{"content number", msg(`{"role":"user","content":"a"},{"role":"user","content":7}`), 400, "messages[1].content", "invalid_type", "'$.messages[1].content' is invalid. Expected one of a string or an array of objects"},
		{"image part", msg(`{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}}]}`), 400, "messages[0].content[1]", "unsupported_parameter", "not supported by this release"},
		{"part of no type", msg(`{"role":"user","content":[{"text":"a"}]}`), 400, "messages[0].content[0].type", "missing_required_parameter", "'type' is a required property - 'messages.0.content.0'"},
		{"part of unknown type", msg(`{"role":"user","content":[{"type":"smell"}]}`), 400, "messages[0].content[0].type", "invalid_value", "'smell' is not one of ['text'] - 'messages.0.content.0.type'"},
		{"empty parts", msg(`{"role":"user","content":[]}`), 400, "messages[0].content", "empty_array", "'$.messages[0].content' is invalid."},
		{"bad name", msg(`{"role":"user","name":"a b","content":"x"}`), 400, "messages[0].name", "invalid_value", "'a b' does not match '^[a-zA-Z0-9_-]{1,64}$' - 'messages.0.name'"},
		{"function without name", msg(`{"role":"function","content":"x"}`), 400, "messages.[0].name", "", "Missing parameter 'name': messages with role 'function' must have a 'name'."},
		{"tool without id", msg(`{"role":"tool","content":"x"}`), 400, "messages.[0].tool_call_id", "", "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'."},
		{"unknown member of a message", msg(`{"role":"user","content":"x","mood":"good"}`), 400, "messages[0].mood", "unknown_parameter", "Additional properties are not allowed ('mood' was unexpected) - 'messages.0'"},
		{"temperature 3", with(`"temperature":3`), 400, "temperature", "decimal_above_max_value", "3 is greater than the maximum of 2 - 'temperature'"},
		{"temperature text", with(`"temperature":"hot"`), 400, "temperature", "invalid_type", "'hot' is not of type 'number' - 'temperature'"},
		{"top_p -1", with(`"top_p":-1`), 400, "top_p", "decimal_below_min_value", ""},
		{"n 0", with(`"n":0`), 400, "n", "integer_below_min_value", "0 is less than the minimum of 1 - 'n'"},
		{"n 129", with(`"n":129`), 400, "n", "integer_above_max_value", ""},
		{"n 1.5", with(`"n":1.5`), 400, "n", "invalid_type", "1.5 is not of type 'integer' - 'n'"},
		{"max_tokens 0", with(`"max_tokens":0`), 400, "max_tokens", "integer_below_min_value", ""},
		{"max_tokens twice", with(`"max_tokens":1,"max_completion_tokens":2`), 400, "max_completion_tokens", "", "same time"},
		{"five stop sequences", with(`"stop":["a","b","c","d","e"]`), 400, "stop", "array_above_max_length", "'$.stop' is invalid. Expected an array with maximum length 4, but got an array with length 5"},
		{"stop number", with(`"stop":7`), 400, "stop", "invalid_type", "one of a string or an array of strings"},
		{"presence_penalty", with(`"presence_penalty":2.5`), 400, "presence_penalty", "decimal_above_max_value", ""},
		{"frequency_penalty", with(`"frequency_penalty":-2.5`), 400, "frequency_penalty", "decimal_below_min_value", ""},
		{"logit_bias 101", with(`"logit_bias":{"5":101}`), 400, "logit_bias.5", "decimal_above_max_value", "101 is greater than the maximum of 100 - 'logit_bias.5'"},
		{"logit_bias word", with(`"logit_bias":{"word":1}`), 400, "logit_bias", "", "Invalid key in 'logit_bias': word. You should only be submitting non-negative integers."},
		{"logit_bias by the ids of nobody knows what", with(`"logit_bias":{"50256":1}`), 400, "logit_bias", "", "Name `echo` as the model to send its own token ids"},
		{"logit_bias outside the vocabulary", `{"model":"ours","logit_bias":{"50256":1},` + hi + `}`, 400, "logit_bias", "", "50256 is not in the vocabulary"},
		{"logit_bias outside the encoding", `{"model":"turbo","logit_bias":{"100265":-100},` + hi + `}`, 400, "logit_bias", "", "Invalid key in 'logit_bias': 100265. Maximum value is 100257."},
		{"logit_bias list", with(`"logit_bias":[1]`), 400, "logit_bias", "invalid_type", "[1] is not of type 'object' - 'logit_bias'"},
		{"stream_options without stream", with(`"stream_options":{"include_usage":true}`), 400, "stream_options", "", "only allowed when 'stream' is enabled"},
		{"top_logprobs without logprobs", with(`"top_logprobs":2`), 400, "top_logprobs", "", ""},
		{"top_logprobs 21", with(`"logprobs":true,"top_logprobs":21`), 400, "top_logprobs", "integer_above_max_value", ""},
		{"unknown parameter", with(`"foo":1`), 400, "foo", "unknown_parameter", "Unrecognized request argument supplied: foo"},
		{"too long", `{"model":"small","messages":[{"role":"user","content":"` + strings.Repeat("x", 70) + `"}]}`, 400, "messages", "context_length_exceeded",
			"This model's maximum context length is 64 tokens. However, your messages resulted in 73 tokens. Please reduce the length of the messages."},
		{"too much asked for", `{"model":"small","max_tokens":64,` + hi + `}`, 400, "messages", "context_length_exceeded", "However, you requested 69 tokens (5 in the messages, 64 in the completion)."},
	}
	for _, tt := range tests {
		for _, stream := range []bool{false, true} {
			body := tt.body
			if stream {
				if !strings.HasPrefix(body, `{"`) || !strings.HasSuffix(body, "}") || tt.name == "stream_options without stream" {
					continue
				}
				body = `{"stream":true,` + body[1:]
			}
			t.Run(fmt.Sprintf("%s stream=%v", tt.name, stream), func(t *testing.T) {
				resp, got := post(t, srv, body)
				if resp.StatusCode != tt.status {
					t.Fatalf("status %d: %s", resp.StatusCode, got)
				}
				var e struct {
					Error struct{ Message, Type, Param, Code string }
				}
				if err := json.Unmarshal([]byte(got), &e); err != nil {
					t.Fatal(err)
				}
				if e.Error.Param != tt.param || e.Error.Code != tt.code || e.Error.Type != "invalid_request_error" || !strings.Contains(e.Error.Message, tt.text) {
					t.Errorf("error %+v", e.Error)
				}
			})
		}
	}
	if r := w.Records(); len(r) != 0 {
		t.Errorf("refused requests were recorded: %+v", r)
	}
}

func TestHarmlessParametersAreTaken(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	resp, body := post(t, srv, `{"model":"gpt-4","temperature":0,"metadata":{"a":"b"},"service_tier":"auto","store":false,"modalities":["text"],"response_format":{"type":"text"},"tool_choice":"none","parallel_tool_calls":true,
		"messages":[{"role":"assistant","content":"Hello","refusal":null,"tool_calls":null,"annotations":[]},{"role":"user","content":"Hi"}]}`)
	if resp.StatusCode != 200 || !strings.Contains(body, "Echo: Hi") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

func TestErrorsAfterTheFirstEventAreEvents(t *testing.T) {
	w, srv := serve(t, echo.Options{Reply: func(string) string { return "never whole" }, BeforeToken: failAt(3)})
	resp, body := post(t, srv, `{"model":"gpt-4","temperature":0,"stream":true,`+hi+`}`)
	if resp.StatusCode != 200 || !strings.Contains(body, `data: {"error":{"message":"The engine died`) || strings.Contains(body, "[DONE]") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	resp, body = post(t, srv, `{"model":"gpt-4","temperature":0,`+hi+`}`)
	if resp.StatusCode != 503 || !strings.Contains(body, "The engine died") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	for _, r := range w.Records() {
		if r.Outcome != "failed" || r.Usage.CompletionTokens == 0 {
			t.Errorf("record %+v", r)
		}
	}
}

func TestRefusedByTheLimits(t *testing.T) {
	w, srv := serve(t, echo.Options{})
	w.Refuse(fault.New(fault.RateLimited, "Rate limit reached"))
	resp, body := post(t, srv, `{"model":"gpt-4","stream":true,`+hi+`}`)
	if resp.StatusCode != 429 || !strings.Contains(body, "Rate limit reached") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
}

package remote_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

// joinedCalls joins the pieces of a sequence's calls.
func joinedCalls(t *testing.T, b engine.Backend, req engine.GenerateRequest) (text string, calls []engine.ToolCall, done engine.Done) {
	t.Helper()
	for e, err := range b.Generate(t.Context(), req) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case engine.Delta:
			text += e.Text
			for _, c := range e.Calls {
				if c.Index > len(calls) {
					t.Fatalf("call %d comes after %d calls", c.Index, len(calls))
				}
				if c.Index == len(calls) {
					calls = append(calls, engine.ToolCall{ID: c.ID, Name: c.Name})
				}
				calls[c.Index].Arguments += c.Arguments
			}
		case engine.Done:
			done = e
		}
	}
	return text, calls, done
}

func TestCallsAreRead(t *testing.T) {
	two := []engine.ToolCall{{ID: "call_1", Name: "a", Arguments: `{"x":1}`}, {ID: "call_2", Name: "b", Arguments: `{}`}}
	for name, s := range map[string]struct {
		body string
		text string
		want []engine.ToolCall
	}{
		"whole": {`{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[
			{"id":"call_1","type":"function","function":{"name":"a","arguments":"{\"x\":1}"}},{"id":"call_2","type":"function","function":{"name":"b","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`, "", two},
		"arguments as an object": {`{"choices":[{"message":{"content":"Well.","tool_calls":[{"id":"call_1","function":{"name":"a","arguments":{"x":1}}},
			{"id":"call_2","function":{"name":"b","arguments":{}}}]},"finish_reason":"tool_calls"}]}`, "Well.", two},
		"of 2023": {`{"choices":[{"message":{"role":"assistant","content":null,"function_call":{"name":"a","arguments":"{\"x\":1}"}},"finish_reason":"function_call"}]}`, "",
			[]engine.ToolCall{{Name: "a", Arguments: `{"x":1}`}}},
		"streamed": {`data: {"choices":[{"delta":{"role":"assistant","content":null}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"a","arguments":""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"b","arguments":"{}"}}]}}]}

data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

`, "", two},
		"streamed with numbers of its own": {`data: {"choices":[{"delta":{"tool_calls":[{"index":7,"id":"call_1","function":{"name":"a","arguments":"{\"x\":1}"}},{"index":-3,"id":"call_2","function":{"name":"b","arguments":"{"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":-3,"function":{"arguments":"}"}}]},"finish_reason":"tool_calls"}]}

data: [DONE]

`, "", two},
		"streamed without numbers": {`data: {"choices":[{"delta":{"tool_calls":[{"id":"call_1","function":{"name":"a","arguments":"{\"x\""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":":1}"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"id":"call_2","function":{"name":"b","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}

data: [DONE]

`, "", two},
		"streamed of 2023": {`data: {"choices":[{"delta":{"role":"assistant","content":null,"function_call":{"name":"a","arguments":""}}}]}

data: {"choices":[{"delta":{"function_call":{"arguments":"{\"x\":1}"}}}]}

data: {"choices":[{"delta":{},"finish_reason":"function_call"}]}

data: [DONE]

`, "", []engine.ToolCall{{Name: "a", Arguments: `{"x":1}`}}},
	} {
		t.Run(name, func(t *testing.T) {
			streamed := strings.HasPrefix(s.body, "data:")
			up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "POST" {
					w.WriteHeader(404)
					return
				}
				if streamed {
					w.Header().Set("Content-Type", "text/event-stream")
				}
				io.WriteString(w, s.body)
			})
			req := hello()
			req.Whole = !streamed
			text, calls, done := joinedCalls(t, open(t, up.URL), req)
			if text != s.text || !reflect.DeepEqual(calls, s.want) || done.Reason != engine.FinishToolCalls {
				t.Errorf("%q, %+v, %+v", text, calls, done)
			}
		})
	}
}

func TestCallsOnTheWire(t *testing.T) {
	var got map[string]any
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			w.WriteHeader(404)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`)
	})
	const tools = `[{"type":"function","function":{"name":"a","parameters":{"type":"object"}}}]`
	req := engine.GenerateRequest{
		Messages: []engine.Message{
			{Role: "user", Content: "Hi"},
			{Role: "assistant", ToolCalls: []engine.ToolCall{{ID: "call_1", Name: "a", Arguments: "{\"x\":\n1}"}, {ID: "call_2", Name: "b"}}},
			{Role: "tool", ToolCallID: "call_1", Content: ""},
			{Role: "assistant", Content: "Wait.", ToolCalls: []engine.ToolCall{{ID: "call_3", Name: "a"}}},
			{Role: "function", Name: "a", Content: "2"},
		},
		MaxTokens: -1, Whole: true, Tools: tools, ToolChoice: `"auto"`, SingleCall: true,
	}
	if c := generate(t.Context(), open(t, up.URL), req); c.err != nil {
		t.Fatal(c.err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"model":"org/model","messages":[{"role":"user","content":"Hi"},
		{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"a","arguments":"{\"x\":\n1}"}},{"id":"call_2","type":"function","function":{"name":"b","arguments":""}}]},
		{"role":"tool","tool_call_id":"call_1","content":""},
		{"role":"assistant","content":"Wait.","tool_calls":[{"id":"call_3","type":"function","function":{"name":"a","arguments":""}}]},
		{"role":"function","name":"a","content":"2"}],
		"temperature":0,"seed":0,"tools":`+tools+`,"tool_choice":"auto","parallel_tool_calls":false}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

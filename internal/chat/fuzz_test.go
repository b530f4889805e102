package chat

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/toolcall"
)

// failAt makes the echo engine fail before token n.
func failAt(n int) func(context.Context, engine.GenerateRequest, int) error {
	return func(_ context.Context, _ engine.GenerateRequest, i int) error {
		if i == n {
			return fault.New(fault.Unavailable, "The engine died while it answered. Please try again.")
		}
		return nil
	}
}

// FuzzRequest holds that whatever is sent either becomes a request within the API's ranges or an
// error for the caller, never an internal one.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","messages":[{"role":"user","content":"x"}]}`,
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"n":3,"stop":["a"],"logit_bias":{"1":-100}}`,
		`{"model":"m","messages":[],"temperature":1e999}`,
		`{"messages":[{"role":"tool","content":null,"tool_calls":[]}],"seed":-9223372036854775808}`,
		`{"model":"m","messages":[{"content":[null]}]}`,
		`{"model":"m","tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","$defs":{"a":{}}}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"messages":[]}`,
		`{"model":"m","functions":[{"name":"f","parameters":{"type":["object"]}}],"function_call":{"name":"f"},"messages":[{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{"}},{"role":"function","name":"f","content":"1"}]}`,
		`{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":null}}],"tool_choice":"required","parallel_tool_calls":false,"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}},{"id":"a","type":"function","function":{"name":"g","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":"x"}]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(body))
		req, err := httpapi.Decode[Request](httptest.NewRecorder(), r, httpapi.Strict)
		if err == nil {
			op, _, cerr := req.operation("req_1")
			if err = cerr; err == nil {
				n := req.Choices()
				if n < 1 || n > 128 || op.Sampling.Temperature < 0 || op.Sampling.Temperature > 2 || len(op.Stop) > 4 || op.Model == "" ||
					op.Tools != nil && (len(op.Tools.Tools) == 0 || len(op.Tools.Tools) > maxTools || (op.Tools.Choice.Mode == toolcall.Named) != (op.Tools.Choice.Name != "")) {
					t.Errorf("out of range: %+v", op)
				}
			}
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

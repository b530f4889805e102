package edits

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/httpapi"
)

func serve(t testing.TB) (*generatetest.World, *httptest.Server) {
	t.Helper()
	// The fake says the instruction and the text again, which shows that both reached the model.
	w := generatetest.New(t, echo.Options{Reply: func(prompt string) string { return "Edited: " + prompt }})
	a := &API{Generate: w.Service, Clock: clock.NewFake(generatetest.Time), NewID: func() string { return "edit-1" }}
	return w, generatetest.Serve(t, a.Routes())
}

func TestAnswersGoldens(t *testing.T) {
	w, srv := serve(t)
	tests := []struct{ name, path, body string }{
		{"plain.json", "/v1/edits", `{"model":"gpt-4","input":"What day of the wek is it?","instruction":"Fix the spelling mistakes","temperature":0}`},
		{"n.json", "/v1/edits", `{"model":"gpt-4","input":"a","instruction":"b","temperature":0,"top_p":1,"n":2}`},
		{"empty.json", "/v1/edits", `{"model":"gpt-4","input":null,"instruction":"Write a poem","temperature":0,"n":null,"timeout":20}`},
		{"engine.json", "/v1/engines/gpt-4/edits", `{"input":"a","instruction":"b","temperature":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := generatetest.Do(t, srv, http.MethodPost, tt.path, tt.body)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			generatetest.Golden(t, tt.name, body)
			if got := resp.Header.Get("Parley-Served-Model"); got != "echo" {
				t.Errorf("parley-served-model %q", got)
			}
		})
	}
	records := w.Records()
	if len(records) != len(tests) {
		t.Fatalf("%d usage records for %d requests", len(records), len(tests))
	}
	if r := records[1]; r.Op != "edits" || r.Usage.PromptTokens == 0 || r.Usage.CompletionTokens == 0 {
		t.Errorf("record %+v", r)
	}
}

func TestBadRequests(t *testing.T) {
	_, srv := serve(t)
	with := func(p string) string { return `{"model":"gpt-4","input":"a","instruction":"b",` + p + `}` }
	for _, tt := range []struct {
		name, path, body string
		status           int
		param, code      string
		text             string
	}{
		{"no model", "edits", `{"instruction":"b"}`, 400, "", "", "you must provide a model parameter"},
		{"no instruction", "edits", `{"model":"gpt-4","input":"a"}`, 400, "instruction", "missing_required_parameter", ""},
		{"unknown model", "edits", `{"model":"gpt-9","instruction":"b"}`, 404, "", "model_not_found", ""},
		{"n 0", "edits", with(`"n":0`), 400, "n", "integer_below_min_value", ""},
		{"n 21", "edits", with(`"n":21`), 400, "n", "integer_above_max_value", ""},
		{"temperature", "edits", with(`"temperature":2.1`), 400, "temperature", "decimal_above_max_value", ""},
		{"top_p", "edits", with(`"top_p":-1`), 400, "top_p", "decimal_below_min_value", ""},
		{"a list of texts", "edits", `{"model":"gpt-4","input":["a"],"instruction":"b"}`, 400, "input", "invalid_type", ""},
		{"stream", "edits", with(`"stream":true`), 400, "stream", "unknown_parameter", "Unrecognized request argument supplied: stream"},
		{"model and engine", "engines/gpt-4/edits", with(`"n":1`), 400, "", "", "Cannot specify both model and engine"},
		{"too long", "edits", `{"model":"small","input":"a","instruction":"b"}`, 400, "input", "context_length_exceeded", "maximum context length is 64 tokens"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := generatetest.Do(t, srv, http.MethodPost, "/v1/"+tt.path, tt.body)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d: %s", resp.StatusCode, got)
			}
			var e struct {
				Error struct{ Message, Type, Param, Code string }
			}
			if err := json.Unmarshal([]byte(got), &e); err != nil {
				t.Fatal(err)
			}
			if e.Error.Type != "invalid_request_error" || e.Error.Param != tt.param || e.Error.Code != tt.code || !strings.Contains(e.Error.Message, tt.text) {
				t.Errorf("error %+v", e.Error)
			}
		})
	}
}

// FuzzRequest holds that whatever is sent either becomes a request within the API's ranges or an error
// for the caller, never an internal one.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","instruction":"x"}`, `{"model":"m","input":"a","instruction":"x","n":20,"top_p":0.5}`, `{"model":7}`, `{"n":1e9}`, `[]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/v1/edits", strings.NewReader(body))
		req, err := httpapi.Decode[Request](httptest.NewRecorder(), r, httpapi.Strict)
		if err == nil {
			op, _, n, cerr := req.operation("req_1")
			if err = cerr; err == nil && (n < 1 || n > maxChoices || op.Sampling.Temperature > 2 || op.Model == "") {
				t.Errorf("out of range: %+v", op)
			}
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

package embeddings

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/httpapi"
)

func serve(t testing.TB) (*generatetest.World, *httptest.Server) {
	t.Helper()
	w := generatetest.New(t, echo.Options{EmbeddingSize: 4})
	return w, generatetest.Serve(t, (&API{Generate: w.Service}).Routes())
}

func post(t testing.TB, srv *httptest.Server, body string) (*http.Response, string) {
	t.Helper()
	return generatetest.Do(t, srv, http.MethodPost, "/v1/embeddings", body)
}

func TestAnswersGoldens(t *testing.T) {
	_, srv := serve(t)
	for _, tt := range []struct{ name, body string }{
		{"one.json", `{"model":"gpt-4","input":"The food was delicious."}`},
		{"list.json", `{"model":"gpt-4","input":["The food was delicious.","and so on"],"user":"u"}`},
		{"base64.json", `{"model":"gpt-4","input":"The food was delicious.","encoding_format":"base64"}`},
		{"dimensions.json", `{"model":"gpt-4","input":"The food was delicious.","dimensions":2}`},
		{"ids.json", `{"model":"echo","input":[[72,105],[72,111]]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := post(t, srv, tt.body)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			generatetest.Golden(t, tt.name, body)
			if got := resp.Header.Get("Parley-Served-Model"); got != "echo" {
				t.Errorf("parley-served-model %q", got)
			}
		})
	}
}

func TestBothEncodingsAreTheSameUnitVector(t *testing.T) {
	_, srv := serve(t)
	_, plain := post(t, srv, `{"model":"gpt-4","input":"The food was delicious.","dimensions":3}`)
	_, coded := post(t, srv, `{"model":"gpt-4","input":"The food was delicious.","dimensions":3,"encoding_format":"base64"}`)
	var a struct {
		Data []struct{ Embedding []float32 }
	}
	var b struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal([]byte(plain), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(coded), &b); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(b.Data[0].Embedding)
	if err != nil || len(raw) != 12 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	var sum float64
	for i, x := range a.Data[0].Embedding {
		if y := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); y != x {
			t.Errorf("number %d: %v and %v", i, x, y)
		}
		sum += float64(x) * float64(x)
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("length² %v", sum)
	}
}

func TestCutToNothingIsNothing(t *testing.T) {
	if got := resize([]float32{0, 0, 1}, 2); got[0] != 0 || got[1] != 0 {
		t.Errorf("got %v: a division by zero", got)
	}
}

// TestLengthsOfVectors: what the name says, unless the request says something else; zeros change no cosine.
func TestLengthsOfVectors(t *testing.T) {
	_, srv := serve(t)
	whole := 0.0 // the cosine of the model's own vectors
	for _, tt := range []struct {
		model, dimensions string
		want              int
	}{
		{"echo", "", 4}, {"ada", "", 8}, {"ada", `,"dimensions":3`, 3}, {"ada", `,"dimensions":16`, 16}, {"echo", `,"dimensions":16`, 16},
	} {
		_, body := post(t, srv, `{"model":"`+tt.model+`","input":["The food was delicious.","The food was good."]`+tt.dimensions+`}`)
		var a struct {
			Data []struct{ Embedding []float64 }
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil || len(a.Data) != 2 {
			t.Fatalf("%v: %s", err, body)
		}
		x, y := a.Data[0].Embedding, a.Data[1].Embedding
		if len(x) != tt.want || len(y) != tt.want {
			t.Errorf("%s%s: %d dimensions", tt.model, tt.dimensions, len(x))
		}
		dot, length := 0.0, 0.0
		for i := range x {
			dot += x[i] * y[i]
			length += x[i] * x[i]
		}
		if math.Abs(length-1) > 1e-6 {
			t.Errorf("%s%s: length² %v", tt.model, tt.dimensions, length)
		}
		if tt.want == 4 {
			whole = dot
		} else if tt.want > 4 && math.Abs(dot-whole) > 1e-6 {
			t.Errorf("%s%s: cosine %v, without zeros %v", tt.model, tt.dimensions, dot, whole)
		}
	}
}

// TestInputsBeyondTheWindow: a header says that an input was embedded in windows.
func TestInputsBeyondTheWindow(t *testing.T) {
	_, srv := serve(t)
	resp, body := post(t, srv, `{"model":"ada","input":["`+strings.Repeat("long ", 20)+`","short"]}`)
	if got := resp.Header.Get("Parley-Embedding-Windows"); resp.StatusCode != 200 || got != "2; inputs=1" {
		t.Errorf("%d, header %q: %s", resp.StatusCode, got, body)
	}
	if !strings.Contains(body, `"usage":{"prompt_tokens":105,"total_tokens":105}`) {
		t.Errorf("usage: %s", body)
	}
	if resp, _ := post(t, srv, `{"model":"ada","input":"short"}`); resp.Header.Get("Parley-Embedding-Windows") != "" {
		t.Error("the header stands where nothing was cut")
	}
}

func TestBadRequests(t *testing.T) {
	w, srv := serve(t)
	for _, tt := range []struct {
		name, body  string
		status      int
		param, code string
		text        string
	}{
		{"no model", `{"input":"x"}`, 400, "", "", "you must provide a model parameter"},
		{"no input", `{"model":"gpt-4"}`, 400, "input", "missing_required_parameter", ""},
		{"null", `{"model":"gpt-4","input":null}`, 400, "input", "missing_required_parameter", ""},
		{"empty text", `{"model":"gpt-4","input":["a",""]}`, 400, "input", "", "'$.input' is invalid. Input 1 is an empty string"},
		{"empty list", `{"model":"gpt-4","input":[]}`, 400, "input", "empty_array", "'$.input' is invalid."},
		{"object", `{"model":"gpt-4","input":{}}`, 400, "input", "invalid_type", ""},
		{"too many", `{"model":"gpt-4","input":[` + strings.Repeat(`"a",`, 2048) + `"a"]}`, 400, "input", "array_above_max_length", "Expected an array with maximum length 2048, but got an array with length 2049 instead."},
		{"ids for an alias", `{"model":"gpt-4","input":[[1,2]]}`, 400, "input", "", "Send text; or name `echo`"},
		{"encoding", `{"model":"gpt-4","input":"a","encoding_format":"hex"}`, 400, "encoding_format", "invalid_value", ""},
		{"dimensions 0", `{"model":"gpt-4","input":"a","dimensions":0}`, 400, "dimensions", "integer_below_min_value", ""},
		{"dimensions 12289", `{"model":"gpt-4","input":"a","dimensions":12289}`, 400, "dimensions", "integer_above_max_value", ""},
		{"empty list of ids", `{"model":"echo","input":[[]]}`, 400, "input[0]", "empty_array", "'$.input[0]' is invalid."},
		{"too long for the name", `{"model":"ada","input":"` + strings.Repeat("x", 101) + `"}`, 400, "input", "context_length_exceeded", "maximum context length is 100 tokens, however you requested 101 tokens (101 in your prompt; 0 for the completion)"},
		{"too many tokens", `{"model":"echo","input":[` + strings.Repeat(`"`+strings.Repeat("x", 8192)+`",`, 36) + `"` + strings.Repeat("x", 5089) + `"]}`, 400, "", "max_tokens_per_request", "Requested 300001 tokens, max 300000 tokens per request"},
		{"unknown model", `{"model":"gpt-9","input":"a"}`, 404, "", "model_not_found", ""},
		{"unknown parameter", `{"model":"gpt-4","input":"a","foo":1}`, 400, "foo", "unknown_parameter", ""},
		{"too long for an alias without a limit", `{"model":"small","input":"` + strings.Repeat("x", 65) + `"}`, 400, "input", "context_length_exceeded", "maximum context length is 64 tokens"},
		{"too long for the model", `{"model":"echo-64","input":"` + strings.Repeat("x", 65) + `"}`, 400, "input", "context_length_exceeded", "maximum context length is 64 tokens, however you requested 65 tokens"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := post(t, srv, tt.body)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d: %s", resp.StatusCode, got)
			}
			var e struct {
				Error struct{ Message, Type, Param, Code string }
			}
			if err := json.Unmarshal([]byte(got), &e); err != nil {
				t.Fatal(err)
			}
			if e.Error.Param != tt.param || e.Error.Code != tt.code || !strings.Contains(e.Error.Message, tt.text) {
				t.Errorf("error %+v", e.Error)
			}
			wantType := "invalid_request_error"
			if tt.code == "max_tokens_per_request" {
				wantType = tt.code // as the original's
			}
			if e.Error.Type != wantType {
				t.Errorf("type %s, not %s", e.Error.Type, wantType)
			}
		})
	}
	for _, r := range w.Records() {
		if r.Op != "embeddings" || r.Usage.PromptTokens == 0 {
			t.Errorf("record %+v", r)
		}
	}
}

// FuzzRequest holds that whatever is sent either becomes a request or an error for the caller.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","input":"x"}`, `{"model":"m","input":["x"],"dimensions":3,"encoding_format":"base64"}`,
		`{"model":"m","input":[1,2]}`, `{"model":"m","input":[[1],[2]]}`, `{"model":"m","input":[null]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/v1/embeddings", strings.NewReader(body))
		req, err := httpapi.Decode[Request](httptest.NewRecorder(), r, httpapi.Strict)
		if err == nil {
			op, cerr := req.operation()
			if err = cerr; err == nil && (len(op.Texts) > 0) == (len(op.Tokens) > 0) {
				t.Errorf("both or neither: %+v", op)
			}
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

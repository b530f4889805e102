package completions

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/httpapi"
)

func serve(t testing.TB, o echo.Options) (*generatetest.World, *httptest.Server) {
	t.Helper()
	w := generatetest.New(t, o)
	a := &API{Generate: w.Service, Clock: clock.NewFake(generatetest.Time), NewID: func() string { return "cmpl-1" }}
	return w, generatetest.Serve(t, a.Routes())
}

func post(t testing.TB, srv *httptest.Server, body string) (*http.Response, string) {
	t.Helper()
	return generatetest.Do(t, srv, http.MethodPost, "/v1/completions", body)
}

func TestAnswersGoldens(t *testing.T) {
	tests := []struct{ name, body string }{
		{"plain.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi"}`},
		{"default_max_tokens.json", `{"model":"gpt-4","temperature":0,"prompt":"a prompt whose echo is longer than sixteen"}`},
		{"nulls.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi","suffix":null,"stop":null,"logprobs":null,"best_of":null,"echo":null,"n":null}`},
		{"no_prompt.json", `{"model":"gpt-4","temperature":0,"max_tokens":4}`},
		{"list.json", `{"model":"gpt-4","temperature":0,"prompt":["one","two"],"n":2}`},
		{"ids.json", `{"model":"echo","temperature":0,"prompt":[72,105]}`},
		{"ids_list.json", `{"model":"echo","temperature":0,"prompt":[[72,105],[72,111]],"echo":true}`},
		{"echo.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi","echo":true}`},
		{"score.json", `{"model":"gpt-4","temperature":0,"prompt":"Hé","echo":true,"logprobs":1,"max_tokens":0}`},
		{"logprobs.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi","logprobs":1,"max_tokens":2}`},
		{"logprobs_0.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi","logprobs":0,"max_tokens":2}`},
		{"best_of.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi","best_of":3}`},
		{"logprobs_end.json", `{"model":"gpt-4","temperature":0,"prompt":"é","logprobs":1}`},
		{"best_of_0.json", `{"model":"gpt-4","temperature":0,"prompt":"Hi","max_tokens":2,"best_of":0,"timeout":20}`},
		{"suffix.json", `{"model":"gpt-4","temperature":0,"prompt":"Once ","suffix":" a time","max_tokens":20,"echo":true}`},
		{"ids_echo_logprobs.json", `{"model":"echo","temperature":0,"prompt":[[72,105],[195,169]],"max_tokens":1,"echo":true,"logprobs":2}`},
		{"ids_of_an_encoding.json", `{"model":"davinci","temperature":0,"prompt":[[15496,995],[15496]],"max_tokens":2,"echo":true}`},
		{"ids_offsets.json", `{"model":"echo","temperature":0,"prompt":[72,195,169],"max_tokens":2,"logprobs":0}`},
		{"stream.sse", `{"model":"gpt-4","temperature":0,"max_tokens":3,"prompt":"Hi","stream":true}`},
		{"stream_echo_logprobs.sse", `{"model":"gpt-4","temperature":0,"max_tokens":1,"prompt":"Hi","stream":true,"echo":true,"logprobs":0,"stream_options":{"include_usage":true}}`},
	}
	w, srv := serve(t, echo.Options{})
	for _, tt := range tests {
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
	if got := len(w.Records()); got != len(tests) {
		t.Errorf("%d usage records for %d requests", got, len(tests))
	}
}

func TestBestOfKeepsTheLikeliest(t *testing.T) {
	all := make([]sequence, 4) // the last ended at once
	for i, lp := range []float32{-2, -0.5, -1} {
		all[i].sum, all[i].produced = float64(lp*4), 4
		all[i].text.WriteString(fmt.Sprint(lp))
	}
	got := best(all, 2)
	if len(got) != 2 || got[0].text.String() != "-0.5" || got[1].text.String() != "-1" {
		t.Errorf("best: %q, %q", got[0].text.String(), got[1].text.String())
	}
	if got := best(all, 3); got[2].text.String() != "-2" {
		t.Errorf("an empty answer is better than %q", got[2].text.String())
	}
	w, srv := serve(t, echo.Options{})
	if resp, body := post(t, srv, `{"model":"gpt-4","prompt":"Hi","best_of":4,"n":2,"temperature":2,"seed":1}`); resp.StatusCode != 200 || strings.Count(body, `"index":`) != 2 {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	if u := w.Records()[0].Usage; u.PromptTokens != 2 || u.CompletionTokens < 8 {
		t.Errorf("all four must be counted, and the prompt once: %+v", u)
	}
}

func TestTextOffsetsCountCharacters(t *testing.T) {
	s := sequence{chars: 3}
	s.add([]engine.TokenLogprob{{Bytes: []byte("a")}, {Bytes: []byte("\xe2\x82")}, {Bytes: []byte("\xac")}, {Bytes: []byte("né")}, {Bytes: []byte("!")}}, false, false)
	if got := fmt.Sprint(s.tokens.TextOffset, s.tokens.Tokens); got != `[3 4 4 5 7] [a bytes:\xe2\x82 bytes:\xac né !]` {
		t.Error(got)
	}
}

func TestTheFirstTokenOfAPromptHasNoLogprob(t *testing.T) {
	tokens := []engine.TokenLogprob{{Bytes: []byte("Hi"), Logprob: -2, Top: []engine.TopLogprob{{Bytes: []byte("A"), Logprob: -1}}}}
	var s sequence
	s.add(tokens, true, true)
	s.add(tokens, true, false)
	if lp, top := s.tokens.TokenLogprobs, *s.tokens.TopLogprobs; lp[0] != nil || top[0] != nil || *lp[1] != -2 || (*top[1])["A"] != -1 {
		t.Errorf("logprobs %v, alternatives %v", lp, top)
	}
}

// pieces puts the pieces of a streamed answer together, by choice.
func pieces(t *testing.T, body string) map[int]*Choice {
	t.Helper()
	out := map[int]*Choice{}
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var r Response
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		for _, c := range r.Choices {
			got := out[c.Index]
			if got == nil {
				got = &Choice{Index: c.Index, Logprobs: &Logprobs{TopLogprobs: new([]*Alternatives)}}
				out[c.Index] = got
			}
			got.Text += c.Text
			if c.FinishReason != nil {
				got.FinishReason = c.FinishReason
			}
			if lp := c.Logprobs; lp != nil {
				got.Logprobs.Tokens = append(got.Logprobs.Tokens, lp.Tokens...)
				got.Logprobs.TokenLogprobs = append(got.Logprobs.TokenLogprobs, lp.TokenLogprobs...)
				got.Logprobs.TextOffset = append(got.Logprobs.TextOffset, lp.TextOffset...)
				*got.Logprobs.TopLogprobs = append(*got.Logprobs.TopLogprobs, *lp.TopLogprobs...)
			}
		}
	}
	return out
}

// TestStreamsBringWhatWholeAnswersDo: several prompts and choices, echoed, with logprobs.
func TestStreamsBringWhatWholeAnswersDo(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	for _, prompt := range []string{`["One","Two é","three"]`, `[[79,110],[84,195,169],[105]]`} {
		body := `{"model":"echo","temperature":1.5,"seed":7,"n":2,"max_tokens":6,"echo":true,"logprobs":2,"prompt":` + prompt
		resp, all := post(t, srv, body+`}`)
		var whole Response
		if err := json.Unmarshal([]byte(all), &whole); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %v: %s", resp.StatusCode, err, all)
		}
		_, sse := post(t, srv, body+`,"stream":true}`)
		streamed := pieces(t, sse)
		if len(whole.Choices) != 6 || len(streamed) != 6 {
			t.Fatalf("%d choices, %d streamed", len(whole.Choices), len(streamed))
		}
		for i, c := range whole.Choices {
			want, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(streamed[i])
			if err != nil {
				t.Fatal(err)
			}
			if c.Index != i || string(got) != string(want) {
				t.Errorf("choice %d\nstreamed %s\nwhole    %s", i, got, want)
			}
		}
	}
}

func TestEnginesNameTheModelInThePath(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	do := func(path, body string) (int, string) {
		resp, got := generatetest.Do(t, srv, http.MethodPost, path, body)
		return resp.StatusCode, got
	}
	_, want := post(t, srv, `{"model":"gpt-4","prompt":"Hi","temperature":0}`)
	if status, got := do("/v1/engines/gpt-4/completions", `{"prompt":"Hi","temperature":0,"model":null}`); status != 200 || got != want {
		t.Errorf("%d: %s\nwant %s", status, got, want)
	}
	if status, got := do("/v1/engines/gpt-4/completions", `{"prompt":"Hi","temperature":0,"stream":true}`); status != 200 || !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("%d: %s", status, got)
	}
	if status, got := do("/v1/engines/gpt-4/completions", `{"model":"gpt-4","prompt":"Hi"}`); status != 400 || !strings.Contains(got, `"Cannot specify both model and engine"`) {
		t.Errorf("%d: %s", status, got)
	}
	if status, got := do("/v1/engines/gpt-9/completions", `{"prompt":"Hi"}`); status != 404 || !strings.Contains(got, `"model_not_found"`) {
		t.Errorf("%d: %s", status, got)
	}
}

func TestPromptTokensLeavesOutBOS(t *testing.T) {
	tokens := []engine.TokenLogprob{{Bytes: []byte("<s>")}, {Bytes: []byte("Hi")}}
	if got := promptTokens(tokens, "Hi"); len(got) != 1 {
		t.Errorf("BOS was kept: %v", got)
	}
	if got := promptTokens(tokens[1:], "Hi"); len(got) != 1 {
		t.Errorf("a token of the text was left out: %v", got)
	}
}

func TestBadRequests(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	with := func(p string) string { return `{"model":"gpt-4","prompt":"Hi",` + p + `}` }
	tests := []struct {
		name, body  string
		status      int
		param, code string
		text        string
	}{
		{"no model", `{"prompt":"Hi"}`, 400, "", "", "you must provide a model parameter"},
		{"unknown model", `{"model":"gpt-9","prompt":"Hi"}`, 404, "", "model_not_found", ""},
		{"prompt number", `{"model":"gpt-4","prompt":7}`, 400, "prompt", "invalid_type", "'$.prompt' is invalid. Expected one of a string, an array of strings"},
		{"prompt empty list", `{"model":"gpt-4","prompt":[]}`, 400, "prompt", "empty_array", "'$.prompt' is invalid."},
		{"prompt mixed list", `{"model":"gpt-4","prompt":["a",1]}`, 400, "prompt", "invalid_type", "all of one kind"},
		{"prompt of objects", `{"model":"gpt-4","prompt":[{}]}`, 400, "prompt", "invalid_type", ""},
		{"prompt of fractions", `{"model":"echo","prompt":[1.5]}`, 400, "prompt", "invalid_type", "whole numbers"},
		{"prompt of an empty id list", `{"model":"echo","prompt":[[1],[]]}`, 400, "prompt[1]", "empty_array", "'$.prompt[1]' is invalid."},
		{"ids for an alias", `{"model":"gpt-4","prompt":[1,2]}`, 400, "prompt", "", "name `echo` as the model"},
		{"ids outside an encoding", `{"model":"davinci","prompt":[15496,60000]}`, 400, "prompt", "", "60000"},
		{"ids outside the vocabulary", `{"model":"echo","prompt":[100000]}`, 400, "prompt", "", "not in the vocabulary"},
		{"temperature 3", with(`"temperature":3`), 400, "temperature", "decimal_above_max_value", ""},
		{"n 0", with(`"n":0`), 400, "n", "integer_below_min_value", ""},
		{"n 129", with(`"n":129`), 400, "n", "integer_above_max_value", ""},
		{"five stop sequences", with(`"stop":["a","b","c","d","e"]`), 400, "stop", "array_above_max_length", ""},
		{"logit_bias 101", with(`"logit_bias":{"5":101}`), 400, "logit_bias.5", "decimal_above_max_value", ""},
		{"max_tokens -1", with(`"max_tokens":-1`), 400, "max_tokens", "integer_below_min_value", ""},
		{"logprobs 6", with(`"logprobs":6`), 400, "logprobs", "integer_above_max_value", ""},
		{"best_of below n", with(`"n":2,"best_of":1`), 400, "best_of", "", "more choices than it will generate"},
		{"best_of 21", with(`"best_of":21`), 400, "best_of", "integer_above_max_value", ""},
		{"best_of streamed", with(`"best_of":2,"stream":true`), 400, "best_of", "", "cannot be streamed"},
		{"best_of -1", with(`"best_of":-1`), 400, "best_of", "integer_below_min_value", ""},
		{"suffix of another type", with(`"suffix":7`), 400, "suffix", "invalid_type", ""},
		{"suffix with echo and logprobs", with(`"suffix":"end","echo":true,"logprobs":0`), 400, "suffix", "", "Leave one of the three out"},
		{"unknown parameter", with(`"foo":1`), 400, "foo", "unknown_parameter", "Unrecognized request argument supplied: foo"},
		{"too many", `{"model":"gpt-4","n":128,"prompt":[` + strings.Repeat(`"a",`, 20) + `"a"]}`, 400, "n", "", "Send it in parts"},
		{"too many with best_of", `{"model":"gpt-4","best_of":20,"prompt":[` + strings.Repeat(`"a",`, 102) + `"a"]}`, 400, "n", "", "Send it in parts"},
		{"too long", `{"model":"small","prompt":"` + strings.Repeat("x", 70) + `"}`, 400, "prompt", "context_length_exceeded",
			"This model's maximum context length is 64 tokens, however you requested 86 tokens (70 in your prompt; 16 for the completion). Please reduce your prompt; or completion length."},
	}
	for _, tt := range tests {
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
		})
	}
}

// FuzzRequest holds that whatever is sent either becomes a request within the API's ranges or an
// error for the caller, never an internal one.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","prompt":"x"}`, `{"model":"m","prompt":["x","y"],"n":2,"best_of":3}`,
		`{"model":"m","prompt":[1,-2]}`, `{"model":"m","prompt":[[1],[2,3]],"logprobs":5,"echo":true}`,
		`{"model":"m","prompt":[ ]}`, `{"model":"m","prompt":[[[]]]}`, `{"model":"m","prompt":[9999999999]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/v1/completions", strings.NewReader(body))
		req, err := httpapi.Decode[Request](httptest.NewRecorder(), r, httpapi.Strict)
		if err == nil {
			op, prompts, n, cerr := req.operation("req_1")
			if err = cerr; err == nil && (len(prompts) == 0 || n < req.Choices() || n > 128 || len(op.Stop) > 4 || op.TopLogprobs > 5) {
				t.Errorf("out of range: %+v", op)
			}
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// TestStopTextsHaveNoLogprobs: the lists end where the text ends, whole and streamed.
func TestStopTextsHaveNoLogprobs(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	const body = `{"model":"gpt-4","prompt":"Hi","logprobs":1,"stop":["o: "]`
	for _, tt := range []struct{ name, more, tokens, offsets string }{
		{"whole", "}", `"tokens":["E","c","h"]`, `"text_offset":[2,3,4]`},
		{"echo", `,"echo":true}`, `"tokens":["H","i","E","c","h"]`, `"text_offset":[0,1,2,3,4]`},
	} {
		resp, got := post(t, srv, body+tt.more)
		if resp.StatusCode != 200 || !strings.Contains(got, tt.tokens) || !strings.Contains(got, tt.offsets) || !strings.Contains(got, `"finish_reason":"stop"`) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	_, got := post(t, srv, body+`,"stream":true}`)
	if strings.Count(got, `"tokens":`) != 3 || !strings.Contains(got, `"tokens":["h"]`) {
		t.Errorf("streamed: %s", got)
	}
}

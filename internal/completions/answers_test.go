package completions

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/httpapi"
)

// reference is the example of December 2022's document.
const (
	reference = `"documents":["Puppy A is happy.","Puppy B is sad."],"question":"which puppy is happy?","search_model":"echo","model":"gpt-4",` +
		`"examples_context":"In 2017, U.S. life expectancy was 78.6 years.","examples":[["What is human life expectancy in the United States?","78 years."]],` +
		`"max_tokens":16,"stop":["\n","<|endoftext|>"]`
	referenceClass = `"examples":[["A happy moment","Positive"],["I am sad.","Negative"],["I am feeling awesome","Positive"]],` +
		`"query":"It is a raining day :(","search_model":"echo","model":"gpt-4","labels":["Positive","Negative","Neutral"]`
)

// saying is a model that says this, whatever it is asked.
func saying(text string) echo.Options {
	return echo.Options{Reply: func(string) string { return text }}
}

func TestAnswersAndClassificationsGoldens(t *testing.T) {
	_, srv := serve(t, saying("Negative"))
	for _, tt := range []struct{ name, path, body string }{
		{"answer.json", "answers", `{` + reference + `}`},
		{"answer_expanded.json", "answers", `{` + reference + `,"logprobs":1,"n":2,"return_prompt":true,"return_metadata":true,"expand":["file"],"timeout":20}`},
		{"answer_alone.json", "answers", `{"documents":[],"question":"a?","model":"gpt-4","examples_context":"","examples":[["b?","c"],["d?","e"]],"return_prompt":true,"expand":["completion"],"search_model":null}`},
		{"classification.json", "classifications", `{` + referenceClass + `}`},
		{"classification_prompt.json", "classifications", `{` + strings.Replace(referenceClass, `["Positive","Negative","Neutral"]`, "null", 1) + `,"return_prompt":true,"logprobs":0,"max_examples":200}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := generatetest.Do(t, srv, http.MethodPost, "/v1/"+tt.path, tt.body)
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

// TestSearchChoosesWhatFits: documents that do not fit together are ranked, and the nearest stands last.
func TestSearchChoosesWhatFits(t *testing.T) {
	w, srv := serve(t, saying("x"))
	near, nearer := "cats and dogs and birds "+strings.Repeat("z", 40), "cats and dogs and birds"
	documents := []string{strings.Repeat("1234567890 ", 400), nearer, " ", strings.Repeat("0987 ", 300), near}
	body, err := json.Marshal(map[string]any{
		"model": "gpt-4", "search_model": "echo", "question": "cats and dogs and birds", "documents": documents, "max_rerank": 2,
		"examples": [][]string{{"a", "b"}}, "examples_context": "", "return_prompt": true,
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, text := generatetest.Do(t, srv, http.MethodPost, "/v1/answers", string(body))
	var got Answer
	if resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(strings.Replace(text, `"completion":"cmpl-1"`, `"completion":{}`, 1)), &got) != nil {
		t.Fatalf("%d: %s", resp.StatusCode, text)
	}
	var chosen []int
	for _, d := range got.SelectedDocuments {
		chosen = append(chosen, d.Document)
	}
	if !slices.Equal(chosen, []int{4, 1}) || !strings.Contains(got.Prompt, near+" "+nearer+"\n===\nQ: cats") {
		t.Errorf("chosen %v: %s", chosen, got.Prompt)
	}
	records := w.Records()
	if len(records) != 2 || records[0].Op != "search" || records[1].Op != "completions" {
		t.Errorf("records %+v", records)
	}
	// With nothing that fits, nothing is searched.
	long, err := json.Marshal(map[string]any{
		"model": "gpt-4", "search_model": "nothing", "question": "q", "documents": []string{strings.Repeat("1 2 3 ", 2000)}, "examples": [][]string{{"a", "b"}}, "examples_context": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	if resp, text := generatetest.Do(t, srv, http.MethodPost, "/v1/answers", string(long)); resp.StatusCode != http.StatusOK || !strings.Contains(text, `"selected_documents":[]`) {
		t.Errorf("%d: %s", resp.StatusCode, text)
	}
}

func TestExamplesAreMixedByLabel(t *testing.T) {
	all := []passage{{index: 0, label: "A"}, {index: 1, label: "A"}, {index: 2, label: "C"}, {index: 3, label: "B"}, {index: 4, label: "B"}}
	var order []int
	for _, p := range roundRobin([]string{"B", "A"})(all) {
		order = append(order, p.index)
	}
	if !slices.Equal(order, []int{3, 0, 4, 1}) {
		t.Errorf("%v", order)
	}
}

func TestWhatTheModelSaid(t *testing.T) {
	for text, want := range map[string]string{" 78 years.": "78 years.", "A: Olympia \nQ: and then?\nA: x": "Olympia", "": "", "Q: x": ""} {
		if got := said(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	labels := []string{"Positive", "Very bad", "Äh"}
	for text, want := range map[string]string{" positive\n---": "Positive", "VERY BAD": "Very bad", "äH ": "Äh", "": "Unknown", "Neutral": "Unknown", "Positive!": "Unknown"} {
		if got := labelIn(text, labels); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestBadAnswersAndClassifications(t *testing.T) {
	_, srv := serve(t, echo.Options{})
	for _, tt := range []struct {
		name, path, body string
		status           int
		param, text      string
	}{
		{"no model", "answers", `{"question":"q"}`, 400, "", "model"},
		{"no question", "answers", `{"model":"gpt-4"}`, 400, "question", ""},
		{"no examples", "answers", `{"model":"gpt-4","question":"q","documents":[],"examples_context":""}`, 400, "examples", ""},
		{"no context", "answers", `{"model":"gpt-4","question":"q","documents":[],"examples":[["a","b"]]}`, 400, "examples_context", ""},
		{"three", "answers", `{"model":"gpt-4","question":"q","documents":[],"examples":[["a","b"],["a","b","c"]],"examples_context":""}`, 400, "examples", "Example 1 is no pair"},
		{"no documents", "answers", `{"model":"gpt-4","question":"q","examples":[["a","b"]],"examples_context":""}`, 400, "documents", "You should specify"},
		{"a file", "answers", `{"model":"gpt-4","question":"q","file":"file-1","examples":[["a","b"]],"examples_context":""}`, 400, "file", "uploaded 'file'"},
		{"201 documents", "answers", `{"model":"gpt-4","question":"q","documents":[` + strings.Repeat(`"a",`, 200) + `"a"],"examples":[["a","b"]],"examples_context":""}`, 400, "documents", ""},
		{"n", "answers", `{` + reference + `,"n":11}`, 400, "n", ""},
		{"temperature", "answers", `{` + reference + `,"temperature":2.5}`, 400, "temperature", ""},
		{"logprobs", "answers", `{` + reference + `,"logprobs":6}`, 400, "logprobs", ""},
		{"expand", "answers", `{` + reference + `,"expand":["model"]}`, 400, "expand", "'model'"},
		{"search model", "answers", strings.Replace(`{`+reference+`,"max_rerank":1}`, `"search_model":"echo"`, `"search_model":"gpt-9"`, 1), 404, "", "gpt-9"},
		{"unknown model", "answers", strings.Replace(`{`+reference+`}`, `"model":"gpt-4"`, `"model":"gpt-9"`, 1), 404, "", "gpt-9"},
		{"no query", "classifications", `{"model":"gpt-4","examples":[["a","b"],["c","d"]]}`, 400, "query", ""},
		{"one example", "classifications", `{"model":"gpt-4","query":"q","examples":[["a","b"]]}`, 400, "examples", ""},
		{"a file of examples", "classifications", `{"model":"gpt-4","query":"q","file":"file-1"}`, 400, "file", "uploaded 'file'"},
		{"one label", "classifications", `{` + referenceClass[:strings.Index(referenceClass, `,"labels"`)] + `,"labels":["a"]}`, 400, "labels", ""},
		{"a label of white space", "classifications", `{"model":"gpt-4","query":"q","examples":[["a","b"],["c"," \n"]]}`, 400, "examples", "Example 1"},
		{"an empty label", "classifications", `{` + referenceClass[:strings.Index(referenceClass, `,"labels"`)] + `,"labels":["a"," "]}`, 400, "labels", "empty"},
		{"stop", "classifications", `{` + referenceClass + `,"stop":"x"}`, 400, "stop", "Unrecognized request argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := generatetest.Do(t, srv, http.MethodPost, "/v1/"+tt.path, tt.body)
			var e struct {
				Error struct{ Message, Param string }
			}
			if err := json.Unmarshal([]byte(got), &e); err != nil || resp.StatusCode != tt.status {
				t.Fatalf("%d: %s, %v", resp.StatusCode, got, err)
			}
			if tt.param != "" && e.Error.Param != tt.param || !strings.Contains(e.Error.Message, tt.text) {
				t.Errorf("error %+v", e.Error)
			}
		})
	}
}

// FuzzAnswers holds that whatever is sent either becomes a prompt or an error for the caller.
func FuzzAnswers(f *testing.F) {
	f.Add(`{` + reference + `}`)
	f.Add(`{` + referenceClass + `}`)
	f.Add(`{"model":"m","query":"\u0130","examples":[["a","\u0149"],["\n","\n"]],"labels":null}`)
	f.Add(`{"model":"m","question":"q","documents":[""],"examples":[[]],"examples_context":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		isFault := func(err error) {
			if err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", body, err)
			}
		}
		post := func() *http.Request { return httptest.NewRequest("POST", "/", strings.NewReader(body)) }
		a, err := httpapi.Decode[AnswerRequest](httptest.NewRecorder(), post(), httpapi.Strict)
		if err == nil {
			err = a.check()
		}
		if isFault(err); err == nil {
			if prompt := a.instruction(); !strings.HasPrefix(prompt, "Please answer") || !strings.HasSuffix(prompt, "\n\n") {
				t.Errorf("prompt %q", prompt)
			}
			for _, p := range a.passages() {
				if strings.TrimSpace(p.text) == "" || p.index >= len(a.Documents) {
					t.Errorf("%+v", p)
				}
			}
		}
		c, err := httpapi.Decode[ClassificationRequest](httptest.NewRecorder(), post(), httpapi.Strict)
		if err == nil {
			err = c.check()
		}
		if isFault(err); err == nil {
			labels := c.labels()
			for _, p := range c.passages() {
				if c.Labels == nil && !slices.Contains(labels, p.label) || strings.Count(p.prompt, "\n") != 3 {
					t.Errorf("labels %q: %+v", labels, p)
				}
			}
			for _, l := range labels {
				if labelIn(" "+l+"\n", labels) != l {
					t.Errorf("label %q is not found", l)
				}
			}
		}
	})
}

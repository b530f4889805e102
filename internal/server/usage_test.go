package server_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/testkit"
)

// used is what the answers of the usage routes have that the tests read.
type used struct {
	Data []struct {
		StartTime int64 `json:"start_time"`
		Results   []map[string]any
		Group     map[string]string
		Requests  int64
		Errors    int64
		Input     int64   `json:"input_tokens"`
		Output    int64   `json:"output_tokens"`
		Cost      float64 `json:"cost_usd"`
		Latency   struct{ P50 float64 }
	}
	HasMore  bool   `json:"has_more"`
	NextPage string `json:"next_page"`
}

func read[T any](t *testing.T, s *testkit.Server, path string) (out T) {
	t.Helper()
	resp, text := s.Call(http.MethodGet, path, nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s", path, resp.Status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, text)
	}
	return out
}

// TestUsage: what answers say of their tokens is what every view says, to the token.
func TestUsage(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{BeforeToken: func(_ context.Context, req engine.GenerateRequest, n int) error {
		if req.Sampling.Seed == 99 && n == 3 {
			return fmt.Errorf("the engine was told to fail")
		}
		return nil
	}}})
	type answer struct {
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		}
	}
	var prompt, completion, embedded int64
	ask := func(path string, body string, status int) answer {
		t.Helper()
		resp, text := s.Call(http.MethodPost, path, body)
		if resp.StatusCode != status {
			t.Fatalf("POST %s: %s %s", path, resp.Status, text)
		}
		var a answer
		_ = json.Unmarshal([]byte(text), &a)
		return a
	}
	for i := range 5 {
		a := ask("/v1/chat/completions", fmt.Sprintf(`{"model": "gpt-4", "n": 2, "messages": [{"role": "user", "content": "Hello %d"}]}`, i), 200)
		prompt, completion = prompt+a.Usage.Prompt, completion+a.Usage.Completion
	}
	a := ask("/v1/completions", `{"model": "text-davinci-003", "prompt": "Hi", "max_tokens": 3}`, 200)
	prompt, completion = prompt+a.Usage.Prompt, completion+a.Usage.Completion
	a = ask("/v1/embeddings", `{"model": "text-embedding-ada-002", "input": "Hi there"}`, 200)
	embedded = a.Usage.Prompt
	ask("/v1/chat/completions", `{"model": "gpt-4"}`, 400)
	ask("/v1/chat/completions", `{"model": "nothing", "messages": [{"role": "user", "content": "x"}]}`, 404)
	// One that fails in its middle counts what was made.
	if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", `{"model": "gpt-4", "stream": true, "seed": 99, "messages": [{"role": "user", "content": "Hello"}]}`); resp.StatusCode != 200 || !strings.Contains(text, "error") {
		t.Fatalf("%s %s", resp.Status, text)
	}

	start := testkit.Epoch.Unix()
	sums := func(query string) used {
		t.Helper()
		return read[used](t, s, "/api/usage?bucket_width=1m&start_time="+fmt.Sprint(start)+query)
	}
	// Sums follow within a second or two.
	deadline := time.Now().Add(30 * time.Second)
	for {
		var n int64
		for _, d := range sums("").Data {
			n += d.Requests
		}
		if n == 10 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests are in the sums", n)
		}
		time.Sleep(20 * time.Millisecond)
	}
	all := sums("&group_by=class,outcome").Data
	if whole := read[used](t, s, "/api/usage?bucket_width=all").Data; len(whole) != 1 || whole[0].Requests != 10 {
		t.Errorf("all of a week: %+v", whole)
	}
	var got []string
	for _, d := range all {
		if d.Group["outcome"] == "ok" {
			got = append(got, fmt.Sprint(d.Group["class"], d.Requests, " ", d.Input, "+", d.Output))
		} else {
			got = append(got, fmt.Sprint(d.Group["class"], " ", d.Group["outcome"], d.Requests, " errors ", d.Errors))
		}
	}
	want := fmt.Sprintf("[completions failed1 errors 1 completions6 %d+%d completions refused2 errors 2 embeddings1 %d+0]", prompt, completion, embedded)
	if fmt.Sprint(got) != want {
		t.Errorf("sums %v, want %s", got, want)
	}

	from := testkit.Epoch.Truncate(24 * time.Hour).Unix()
	page := read[used](t, s, fmt.Sprintf("/v1/organization/usage/completions?start_time=%d&group_by=model,batch&outcomes=ok&limit=1", from))
	if len(page.Data) != 1 || page.Data[0].StartTime != from {
		t.Fatalf("%+v", page)
	}
	for _, r := range page.Data[0].Results {
		if r["model"] == "text-davinci-003" && (r["num_model_requests"] != 1.0 || r["batch"] != false || r["project_id"] != nil) {
			t.Errorf("%v", r)
		}
		if r["model"] == "gpt-4" && r["num_model_requests"] != 11.0 {
			t.Errorf("%v", r)
		}
	}
	if e := read[used](t, s, fmt.Sprintf("/v1/organization/usage/embeddings?start_time=%d", from)).Data[0].Results; len(e) != 1 || e[0]["input_tokens"] != float64(embedded) || e[0]["model"] != nil {
		t.Errorf("embeddings %v", e)
	}
	hours := read[used](t, s, fmt.Sprintf("/v1/organization/usage/completions?start_time=%d&bucket_width=1h&limit=10", from))
	if len(hours.Data) != 10 || !hours.HasMore || len(hours.Data[0].Results) != 0 {
		t.Fatalf("%+v", hours)
	}
	hours = read[used](t, s, fmt.Sprintf("/v1/organization/usage/completions?start_time=%d&bucket_width=1h&limit=10&page=%s", from, hours.NextPage))
	if len(hours.Data) != 9 || hours.HasMore || len(hours.Data[8].Results) != 1 { // 18:00 is the last hour that began
		t.Errorf("the next page: %+v", hours)
	}

	// Costs agree in every view.
	var cost float64
	for _, d := range all {
		cost += d.Cost
	}
	costs := read[used](t, s, fmt.Sprintf("/v1/organization/costs?start_time=%d&group_by=line_item", from))
	var listed float64
	for _, r := range costs.Data[0].Results {
		listed += r["amount"].(map[string]any)["value"].(float64)
	}
	day := testkit.Epoch.Format(time.DateOnly)
	billing := read[map[string]any](t, s, "/v1/dashboard/billing/usage?start_date="+day+"&end_date="+testkit.Epoch.AddDate(0, 0, 1).Format(time.DateOnly))
	old := read[map[string]any](t, s, "/v1/usage?date="+day)
	if cost == 0 || !near(listed, cost) || !near(billing["total_usage"].(float64)/100, cost) || !near(old["current_usage_usd"].(float64), cost) {
		t.Errorf("cost %v, costs %v, billing %v, old %v", cost, listed, billing["total_usage"], old["current_usage_usd"])
	}
	var tokens float64
	for _, d := range old["data"].([]any) {
		part := d.(map[string]any)
		if part["operation"] == "embeddings" {
			tokens += part["n_context_tokens_total"].(float64)
		}
	}
	if tokens != float64(embedded) {
		t.Errorf("/v1/usage says %v embedded tokens, the answers %d", tokens, embedded)
	}

	// Single requests, page by page, and as files.
	type requests struct {
		Data    []map[string]any
		HasMore bool   `json:"has_more"`
		LastID  string `json:"last_id"`
	}
	seen := map[any]bool{}
	for after := ""; ; {
		p := read[requests](t, s, "/api/usage/requests?limit=4&after="+after)
		for _, r := range p.Data {
			seen[r["id"]] = true
		}
		if after = p.LastID; !p.HasMore {
			break
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d requests page by page", len(seen))
	}
	if p := read[requests](t, s, "/api/usage/requests?outcomes=refused"); len(p.Data) != 2 || p.Data[0]["error_code"] != "model_not_found" || p.Data[0]["status"] != 404.0 || p.Data[1]["model"] != "gpt-4" {
		t.Errorf("refused: %v", p.Data)
	}
	if file := read[[]map[string]any](t, s, "/api/usage/export?format=json"); len(file) != 10 {
		t.Errorf("export: %d requests", len(file))
	}
	if file := read[[]map[string]any](t, s, "/api/usage/export?format=json&models=none"); len(file) != 0 {
		t.Errorf("export of nothing: %v", file)
	}
	resp, text := s.Call(http.MethodGet, "/api/usage/export?outcomes=ok", nil)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 8 || rows[0][11] != "input_tokens" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV: %v %v", err, rows)
	}
}

func near(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }

// TestUsageOfOthers: a key sees its project; with organization.read all of the organization, never another's.
func TestUsageOfOthers(t *testing.T) {
	s := testkit.Start(t, testkit.Options{})
	s.Call(http.MethodPost, "/v1/chat/completions", `{"model": "gpt-4", "messages": [{"role": "user", "content": "Hello"}]}`)
	_, text := s.Call(http.MethodPost, "/api/keys", `{"name": "reader", "scopes": ["usage.read"]}`)
	var key struct{ Secret string }
	if err := json.Unmarshal([]byte(text), &key); err != nil || key.Secret == "" {
		t.Fatal(text)
	}
	as := map[string]string{"Authorization": "Bearer " + key.Secret}
	for path, status := range map[string]int{
		"/api/usage/requests":                                                    200,
		"/api/usage/requests?project_ids=proj_other":                             404,
		"/api/usage?project_ids=proj_other":                                      404,
		"/api/usage/export?project_ids=proj_other":                               404,
		"/v1/organization/usage/completions?start_time=1&project_ids=proj_other": 404,
		"/v1/organization/costs?start_time=1&project_ids=proj_other":             404,
		"/api/usage/requests?after=usage_1":                                      404,
		"/api/usage/requests?after=x":                                            404,
		"/api/usage/requests?limit=0":                                            400,
		"/api/usage?bucket_width=2m":                                             400,
		"/api/usage?group_by=prompt":                                             400,
		"/api/usage?bucket_width=1m&start_time=1":                                400,
		"/api/usage?start_time=-1":                                               400,
		"/api/usage?start_time=9&end_time=8":                                     400,
		"/api/usage?models=%00":                                                  400,
		"/v1/organization/usage/completions":                                     400,
		"/v1/organization/usage/completions?start_time=1&limit=32":               400,
		"/v1/organization/usage/embeddings?start_time=1&group_by=batch":          400,
		"/v1/organization/usage/completions?start_time=1&page=x!":                400,
		"/v1/organization/costs?start_time=1&bucket_width=1h":                    400,
		"/v1/usage":                   400,
		"/v1/usage?date=yesterday":    400,
		"/v1/usage?date=2023-1-2":     200,
		"/v1/dashboard/billing/usage": 400,
		"/v1/dashboard/billing/usage?start_date=2023-01-01&end_date=2023-01-01": 400,
		"/v1/dashboard/billing/usage?start_date=2023-01-01&end_date=2024-01-01": 400,
		"/v1/models": 403,
	} {
		if resp, text := s.CallWith(as, http.MethodGet, path, nil); resp.StatusCode != status {
			t.Errorf("GET %s: %s %s", path, resp.Status, text)
		}
	}
	_, text = s.CallWith(as, http.MethodGet, "/api/usage/requests", nil)
	if !strings.Contains(text, `"endpoint":"createChatCompletion"`) {
		t.Errorf("the project's own request is missing: %s", text)
	}
}

package runs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine/remote"
	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// BenchmarkFirstEvent is the time from the request that makes a thread and a run to its first streamed event, and to the first piece of
// the answer of a model that answers at once.
func BenchmarkFirstEvent(b *testing.B) {
	model := scripted.Start(b, scripted.Options{})
	s := testkit.Start(b, testkit.Options{Config: map[string]any{"remotes": model.Remotes(), "aliases": `{}`}, Opener: remote.Open})
	headers := map[string]string{"Authorization": "Bearer " + s.Key, "OpenAI-Beta": "assistants=v2"}
	_, text := s.CallWith(headers, http.MethodPost, "/v1/assistants", object{"model": scripted.Model})
	var assistant object
	if err := json.Unmarshal([]byte(text), &assistant); err != nil {
		b.Fatal(err)
	}
	body, err := json.Marshal(object{"assistant_id": assistant["id"], "stream": true, "thread": object{"messages": []object{{"role": "user", "content": scripted.Say("hi")}}}})
	if err != nil {
		b.Fatal(err)
	}
	var first, words []time.Duration
	for b.Loop() {
		req, err := http.NewRequest(http.MethodPost, s.URL()+"/v1/threads/runs", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		req.Header.Set("Content-Type", "application/json")
		begun := time.Now()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for n := 0; lines.Scan(); n++ {
			if n == 0 {
				first = append(first, time.Since(begun))
			}
			if lines.Text() == "event: thread.message.delta" {
				words = append(words, time.Since(begun))
			}
		}
		resp.Body.Close()
	}
	report := func(name string, all []time.Duration) {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(all[len(all)*95/100].Microseconds())/1000, name+"-p95-ms")
	}
	report("first-event", first)
	report("first-words", words)
}

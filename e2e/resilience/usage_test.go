//go:build unix

package resilience

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// tokens are those of one answer.
type tokens struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
}

// upstream is a fake server with OpenAI's API that answers at once; every answer has another number of tokens.
func upstream(t *testing.T) *httptest.Server {
	t.Helper()
	var count atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct{ Stream bool }
		_ = json.NewDecoder(r.Body).Decode(&req) // a request without a body asks for the list of models
		n := count.Add(1)
		usage := fmt.Sprintf(`{"prompt_tokens": %d, "completion_tokens": %d, "total_tokens": %d}`, 5+n%97, 1+n%13, 6+n%97+n%13)
		switch {
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"object": "list", "data": [{"id": "far", "object": "model"}]}`)
		case req.Stream:
			w.Header().Set("Content-Type", "text/event-stream")
			const head = `data: {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "far", `
			fmt.Fprint(w, head+`"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": null}]}`+"\n\n")
			fmt.Fprint(w, head+`"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}`+"\n\n")
			fmt.Fprint(w, head+`"choices": [], "usage": `+usage+"}\n\ndata: [DONE]\n\n")
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"id": "c", "object": "chat.completion", "created": 1, "model": "far", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}], "usage": `+usage+`}`)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestUsageSurvivesKill: every answer that a client got whole has its row, with the answer's tokens, although the
// server is killed in the middle of the load; and the sums come to what the rows do, to the token.
func TestUsageSurvivesKill(t *testing.T) {
	t.Setenv("PARLEY_REMOTES", fmt.Sprintf(`[{name: far, url: "%s/v1", models: [far]}]`, upstream(t).URL))
	t.Setenv("PARLEY_LOG_LEVEL", "warn")
	s := binary.Start(t)
	whole := map[string]tokens{} // by request id
	var mu sync.Mutex
	const clients, rounds, enough = 32, 3, 700
	for round := range rounds {
		var killed atomic.Bool
		var ended sync.WaitGroup
		var got atomic.Int64
		full := make(chan struct{})
		for i := range clients {
			ended.Go(func() {
				for n := 0; !killed.Load(); n++ {
					id, used, err := far(s, (i+n)%2 == 0)
					if err != nil {
						if !killed.Load() {
							t.Errorf("before the kill: %v", err)
						}
						return
					}
					mu.Lock()
					whole[id] = used
					mu.Unlock()
					if got.Add(1) == enough {
						close(full)
					}
				}
			})
		}
		select {
		case <-full:
		case <-time.After(2 * time.Minute):
			t.Fatalf("%d answers in two minutes\n%s", got.Load(), s.Log())
		}
		killed.Store(true)
		s.Kill()
		ended.Wait()
		s.Launch()
		t.Logf("round %d: %d answers", round+1, got.Load())
	}

	var rows []struct {
		ID     string `json:"request_id"`
		Status int
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	}
	get(t, s, "/api/usage/export?format=json", &rows)
	var total tokens
	byID := map[string]tokens{}
	for _, r := range rows {
		byID[r.ID] = tokens{r.Input, r.Output}
		total.Prompt, total.Completion = total.Prompt+r.Input, total.Completion+r.Output
	}
	lost, wrong := 0, 0
	for id, used := range whole {
		switch row, ok := byID[id]; {
		case !ok:
			lost++
		case row != used:
			wrong++
		}
	}
	if lost > 0 || wrong > 0 {
		t.Errorf("of %d answers that clients got whole, %d have no row and %d rows have other tokens", len(whole), lost, wrong)
	}
	t.Logf("%d whole answers, %d rows", len(whole), len(rows))

	var sums struct {
		Data []struct {
			Requests int64
			Input    int64 `json:"input_tokens"`
			Output   int64 `json:"output_tokens"`
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		get(t, s, "/api/usage?bucket_width=all", &sums)
		if len(sums.Data) == 1 && sums.Data[0].Requests == int64(len(rows)) && sums.Data[0].Input == total.Prompt && sums.Data[0].Output == total.Completion {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("sums %+v, rows %d with %+v", sums.Data, len(rows), total)
		}
	}
}

// far asks the fake server's model, and returns the answer's request id and tokens when the answer is whole.
func far(s *binary.Server, stream bool) (id string, used tokens, err error) {
	body := map[string]any{"model": "far", "messages": []map[string]string{{"role": "user", "content": "Hello"}}}
	if stream {
		body["stream"], body["stream_options"] = true, map[string]bool{"include_usage": true}
	}
	resp, err := call(s, http.MethodPost, "/v1/chat/completions", body)
	if err != nil {
		return "", used, err
	}
	defer resp.Body.Close()
	id = resp.Header.Get("X-Request-Id")
	if resp.StatusCode != http.StatusOK {
		return "", used, fmt.Errorf("%s", resp.Status)
	}
	var answer struct{ Usage *tokens }
	if !stream {
		data, err := io.ReadAll(resp.Body)
		if err == nil {
			err = json.Unmarshal(data, &answer)
		}
		if err == nil && answer.Usage == nil {
			err = fmt.Errorf("no usage in %s", data)
		}
		if err != nil {
			return "", used, err
		}
		return id, *answer.Usage, nil
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
		case data == "[DONE]":
			if answer.Usage == nil {
				return "", used, fmt.Errorf("a stream without usage")
			}
			return id, *answer.Usage, nil
		default:
			if err := json.Unmarshal([]byte(data), &answer); err != nil {
				return "", used, err
			}
		}
	}
	return "", used, fmt.Errorf("the stream ended before [DONE]: %v", lines.Err())
}

//go:build unix

package resilience

import (
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// writersFor is how long TestManyWriters asks; PARLEY_TEST_WRITERS sets another time.
const writersFor = 5 * time.Second

// TestManyWriters: with 200 clients at once no request fails, for lack of the database or of a key, and rows and sums
// come to what the answers said, to the token.
func TestManyWriters(t *testing.T) {
	t.Setenv("PARLEY_REMOTES", fmt.Sprintf(`[{name: far, url: "%s/v1", models: [far]}]`, upstream(t).URL))
	t.Setenv("PARLEY_LOG_LEVEL", "warn")
	long := writersFor
	if text := os.Getenv("PARLEY_TEST_WRITERS"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	const clients = 200
	before := http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = clients // or a connection would be made for each request
	t.Cleanup(func() { http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = before })
	s := binary.Start(t)
	var answers, prompt, completion atomic.Int64
	var ended sync.WaitGroup
	until := time.Now().Add(long)
	for i := range clients {
		ended.Go(func() {
			for n := 0; time.Now().Before(until); n++ {
				_, used, err := far(s, (i+n)%2 == 0)
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				answers.Add(1)
				prompt.Add(used.Prompt)
				completion.Add(used.Completion)
			}
		})
	}
	ended.Wait()
	var sums struct {
		Data []struct {
			Requests int64
			Input    int64 `json:"input_tokens"`
			Output   int64 `json:"output_tokens"`
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		get(t, s, "/api/usage?bucket_width=all", &sums)
		if len(sums.Data) == 1 && sums.Data[0].Requests == answers.Load() && sums.Data[0].Input == prompt.Load() && sums.Data[0].Output == completion.Load() {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("sums %+v; answers %d with %d and %d tokens\n%s", sums.Data, answers.Load(), prompt.Load(), completion.Load(), s.Log())
		}
	}
	t.Logf("%d answers of %d clients in %s", answers.Load(), clients, long)
}

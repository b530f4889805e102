package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/testkit/malformed"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// counted counts what is logged as an error, and keeps the last of it.
type counted struct {
	slog.Handler
	errors *atomic.Int64
	last   *atomic.Pointer[string]
}

func (c counted) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		c.errors.Add(1)
		text := r.Message
		r.Attrs(func(a slog.Attr) bool {
			text += " " + a.String()
			return true
		})
		c.last.Store(&text)
	}
	return c.Handler.Handle(ctx, r)
}

// footprint is what a process holds after what can be given back was.
type footprint struct{ heap, resident, goroutines int64 }

func measure(t *testing.T) (f footprint) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	f.goroutines = requestGoroutines()
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap = int64(m.HeapAlloc)
	if status, err := os.ReadFile("/proc/self/status"); err == nil { // Linux alone tells
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				f.resident = kb << 10
			}
		}
	}
	return f
}

// requestGoroutines counts those that are not of background jobs, which start more some seconds after the server, when it
// is chosen to lead them.
func requestGoroutines() (n int64) {
	buf := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if !strings.Contains(stack, "riverqueue/river") {
			n++
		}
	}
	return n
}

// TestMalformedRequests sends ten thousand of them, and as many again: each gets an answer in the API's shape, none is the
// server's fault, and nothing of them stays.
func TestMalformedRequests(t *testing.T) {
	var logged atomic.Int64
	var last atomic.Pointer[string]
	var backend engine.Backend
	open := echo.Opener(echo.Options{})
	s := testkit.Start(t, testkit.Options{
		Log: slog.New(counted{slog.NewTextHandler(io.Discard, nil), &logged, &last}),
		Opener: func(ctx context.Context, spec engine.Spec, progress engine.Progress) (_ engine.Backend, err error) {
			backend, err = open(ctx, spec, progress)
			return backend, err
		},
	})
	r := rand.New(rand.NewPCG(1, 2))
	statuses := map[int]int{}
	send := func(n int) {
		for range n {
			req := malformed.Request(r, s.URL())
			req.Header.Set("Authorization", "Bearer "+s.Key)
			statuses[exchange(t, req)]++
		}
		eventually(t, "requests are left", func() bool {
			stats, err := backend.(engine.StatsReporter).Stats(t.Context())
			return err == nil && s.Active() == 0 && stats.Active == 0 && stats.Queued == 0
		})
		if err := s.Retention().Flush(t.Context()); err != nil { // or kept bodies would still be in memory
			t.Fatal(err)
		}
	}
	total := 10_000
	if testing.Short() {
		total = 2_000
	}
	for _, name := range bpe.Names() { // their tables stay, whoever asks first
		if _, err := bpe.Get(name); err != nil {
			t.Fatal(err)
		}
	}
	send(total) // pools, caches, templates and the block of kept bodies fill: 1.3 MB, as much after 10,000 as after 40,000
	before := measure(t)
	send(total)
	eventually(t, "goroutines are left", func() bool { return measure(t).goroutines <= before.goroutines })
	after := measure(t)
	t.Logf("statuses %v; heap %+d KB, resident %+d KB", statuses, (after.heap-before.heap)>>10, (after.resident-before.resident)>>10)
	// A leak of 256 bytes a request would be 2.5 MB.
	if grown := after.heap - before.heap; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if grown := after.resident - before.resident; grown > 32<<20 {
		t.Errorf("the memory grew by %d bytes", grown)
	}
	if n := logged.Load(); n > 0 {
		t.Errorf("%d errors in the log, the last: %s", n, *last.Load())
	}
	if statuses[200] < total/20 || statuses[400] < total/4 {
		t.Errorf("statuses %v: the requests are too good, or too bad, to say much", statuses)
	}
}

// exchange sends a request and looks at the answer's form. It returns the status.
func exchange(t *testing.T, req *http.Request) int {
	t.Helper()
	what := req.Method + " " + req.URL.Opaque
	if len(what) > 100 {
		what = what[:100]
	}
	body, err := req.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	sent, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %.300q: %v", what, sent, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %.300q: %v", what, sent, err)
	}
	var out struct {
		Error *struct{ Message, Type string }
	}
	switch {
	case resp.StatusCode >= 500:
		t.Errorf("%s %.300q: %s %.300s", what, sent, resp.Status, answer)
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		if !bytes.HasSuffix(bytes.TrimSpace(answer), []byte("data: [DONE]")) || bytes.Contains(answer, []byte(`"server_error"`)) {
			t.Errorf("%s %.300q: %.300s", what, sent, answer)
		}
	case resp.StatusCode >= 400 && req.Method != http.MethodHead:
		if err := json.Unmarshal(answer, &out); err != nil || out.Error == nil || out.Error.Message == "" || out.Error.Type == "" {
			t.Errorf("%s %.300q: %s %.300s", what, sent, resp.Status, answer)
		} else if len(answer) > 4_000 {
			t.Errorf("%s %.300q: an error of %d bytes", what, sent, len(answer))
		}
	}
	return resp.StatusCode
}

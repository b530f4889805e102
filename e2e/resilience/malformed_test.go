//go:build linux

package resilience

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/testkit/malformed"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// resident is the memory of a process that is in RAM, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// ticks is the time on the CPU that a process has used, in the system's unit.
func ticks(t *testing.T, pid int) (n int64) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The fields behind the name, which may hold spaces: utime and stime are the 12th and 13th.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, f := range fields[11:13] {
		v, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n += v
	}
	return n
}

// TestMalformedRequests sends malformed requests to the built binary with the real models. Answers that
// would be long are broken off after half a second. No request is the server's fault, no process dies, and
// neither the server nor its engines keep memory or work.
func TestMalformedRequests(t *testing.T) {
	t.Setenv("PARLEY_ENGINE_PREFIX_MEMORY", "1B") // what is kept of prompts on purpose
	t.Setenv("GOGC", "25")                        // less garbage in what is measured
	s := binary.Start(t)
	statuses := map[int]int{}
	send := func() {
		t.Helper()
		r := rand.New(rand.NewPCG(3, 4))
		for range 1200 {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			req := malformed.Request(r, s.URL).WithContext(ctx)
			req.Header.Set("Authorization", "Bearer "+s.Key)
			what := fmt.Sprintf("%s %.100s", req.Method, req.URL.Opaque)
			resp, err := http.DefaultClient.Do(req)
			var answer []byte
			if err == nil {
				answer, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			switch {
			case errors.Is(err, context.DeadlineExceeded):
				statuses[0]++
			case err != nil:
				t.Errorf("%s: %v", what, err)
			case resp.StatusCode >= 500:
				t.Errorf("%s: %s %.300s", what, resp.Status, answer)
			default:
				statuses[resp.StatusCode]++
			}
			cancel()
		}
		for end := time.Now().Add(time.Minute); ; {
			before := map[int]int64{}
			for _, pid := range s.Children() {
				before[pid] = ticks(t, pid)
			}
			time.Sleep(300 * time.Millisecond)
			busy := false
			for pid, was := range before {
				busy = busy || ticks(t, pid) > was+1
			}
			if !busy {
				return
			}
			if time.Now().After(end) {
				t.Fatal("an engine computes for nobody")
			}
		}
	}
	memory := func() map[int]int64 {
		out := map[int]int64{s.PID: resident(t, s.PID)}
		for _, pid := range s.Children() {
			out[pid] = resident(t, pid)
		}
		return out
	}
	answered(t, s, "at first")
	if status, message := post(t, s, "/v1/embeddings", map[string]any{"model": "text-embedding-ada-002", "input": "x"}); status != http.StatusOK {
		t.Fatalf("embeddings: %d %s", status, message)
	}
	for _, name := range bpe.Names() { // their tables stay
		if status, message := post(t, s, "/v1/tokenize", map[string]any{"encoding": name, "text": "x"}); status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, status, message)
		}
	}
	// Native code keeps what the largest request needed. The same requests again need nothing more.
	send()
	before := memory()
	send()
	after := memory()
	if len(before) != 3 {
		t.Errorf("%d processes: the server, the chat model and the embedding model are three", len(before))
	}
	for pid, was := range before {
		now, ok := after[pid]
		t.Logf("process %d: %d MB, %+d KB", pid, was>>20, (now-was)>>10)
		if !ok {
			t.Errorf("process %d died", pid)
		} else if now-was > 24<<20 {
			t.Errorf("process %d grew by %d KB", pid, (now-was)>>10)
		}
	}
	t.Logf("statuses %v (0: broken off)", statuses)
	if status, message := question(t, s); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, message)
	}
	if log := s.Log(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Errorf("errors in the log:\n%.3000s", log)
	}
}

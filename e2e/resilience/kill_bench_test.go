//go:build unix

package resilience

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

// BenchmarkNextAnswer kills the engine, asks a short question in the same moment, and measures until the
// whole answer is there: with nothing else running, beside 15 long streams whose clients send them again
// as soon as they break, and the same on a machine whose cores are busy besides. Run it with
// -benchtime 20x: every round is a kill. A refused question is asked again at once, and counted.
func BenchmarkNextAnswer(b *testing.B) {
	for _, c := range []struct {
		name          string
		streams, busy int
		pause         time.Duration // of the streams' work between two kills
	}{
		{"alone", 0, 0, 0},
		{"15 streams", 15, 0, 500 * time.Millisecond},
		{"15 streams and 2 busy threads", 15, 2, 500 * time.Millisecond},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := binary.Start(b)
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			var answering atomic.Int64 // tokens that the streams got
			for range c.streams {
				go func() {
					for ctx.Err() == nil {
						stream(ctx, s, &answering)
					}
				}()
			}
			for range c.busy {
				go func() {
					for ctx.Err() == nil {
						for range 1 << 20 { //nolint:revive // burning time is the purpose
						}
					}
				}()
			}
			ask(b, s)
			var took []time.Duration
			refused := 0
			for b.Loop() {
				for begin := answering.Load(); c.streams > 0 && answering.Load() < begin+int64(5*c.streams); {
					time.Sleep(5 * time.Millisecond)
				}
				time.Sleep(c.pause)
				for _, pid := range s.Children() {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						b.Fatal(err)
					}
				}
				killed := time.Now()
				for !ask(b, s) {
					refused++
				}
				took = append(took, time.Since(killed))
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took[len(took)/2].Seconds(), "s-median")
			b.ReportMetric(took[len(took)-1].Seconds(), "s-max")
			b.ReportMetric(float64(refused), "refused")
		})
	}
}

// ask asks a short question and says whether it was answered.
func ask(b *testing.B, s *binary.Server) bool {
	resp, err := call(s, http.MethodPost, "/v1/chat/completions", map[string]any{
		"model": "gpt-3.5-turbo", "messages": longChat["messages"], "max_tokens": 3,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		b.Logf("refused: %s %s", resp.Status, text)
	}
	return resp.StatusCode == http.StatusOK
}

// stream reads one long answer to its end, however it ends.
func stream(ctx context.Context, s *binary.Server, tokens *atomic.Int64) {
	resp, err := callContext(ctx, s, http.MethodPost, "/v1/chat/completions", longChat)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "data: {\"id\"") {
			tokens.Add(1)
		}
	}
}

package ids

import (
	"strings"
	"sync"
	"testing"
)

func TestNew(t *testing.T) {
	const workers, each = 8, 2000
	var mu sync.Mutex
	seen := map[string]bool{}
	symbols := map[rune]int{}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				id := New("chat_")
				mu.Lock()
				if len(id) != len("chat_")+length || !Valid("chat_", id) || seen[id] {
					t.Errorf("New gave %q (seen before: %v)", id, seen[id])
				}
				seen[id] = true
				for _, c := range id[len("chat_"):] {
					symbols[c]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	// 384,000 symbols of 62 kinds: 6,194 of each, with a standard deviation of 78.
	for _, c := range alphabet {
		if n := symbols[c]; n < 5600 || n > 6800 {
			t.Errorf("%q came %d times", c, n)
		}
	}
}

func TestSecret(t *testing.T) {
	a, b := Secret("sk-"), Secret("sk-")
	if a == b || len(a) != 51 || !strings.HasPrefix(a, "sk-") {
		t.Errorf("%q %q", a, b)
	}
	if got := Random(1000); len(got) != 1000 {
		t.Errorf("Random(1000) has %d symbols", len(got))
	}
}

// Bytes that were given out do not stay in memory.
func TestPoolWipes(t *testing.T) {
	var p pool
	for range 100 {
		p.next()
	}
	for i, c := range p.bytes[p.left:] {
		if c != 0 {
			t.Fatalf("byte %d of those used is %d", i, c)
		}
	}
}

func TestValid(t *testing.T) {
	for id, want := range map[string]bool{
		"chat_abc": true, "chat_": false, "msg_abc": false, "chat_a b": false, "chat_é": false, "chat_" + strings.Repeat("a", 65): false,
	} {
		if got := Valid("chat_", id); got != want {
			t.Errorf("Valid(%q) = %v", id, got)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New("req_")
	}
}

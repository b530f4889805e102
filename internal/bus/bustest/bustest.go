// Package bustest is the exam that every bus.Bus passes.
package bustest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/bus"
)

// patience bounds waiting for what must come; the machine may be busy.
const patience = 30 * time.Second

// Conform runs the exam. open returns two ends of one bus, as two servers have them; for a bus inside
// one process both are the same.
func Conform(t *testing.T, open func(t *testing.T) (here, there bus.Bus)) {
	t.Helper()
	for _, part := range []struct {
		name string
		run  func(t *testing.T, here, there bus.Bus)
	}{{"topics", topics}, {"coalesce", coalesce}, {"overflow", overflow}, {"wait", wait}, {"close", closing}, {"concurrent", concurrent}, {"odd keys", oddKeys}} {
		t.Run(part.name, func(t *testing.T) {
			here, there := open(t)
			part.run(t, here, there)
		})
	}
}

// want reads hints until all the keys came, and fails on others.
func want(t *testing.T, s *bus.Subscription, keys ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	missing := map[string]bool{}
	for _, k := range keys {
		missing[k] = true
	}
	for len(missing) > 0 {
		got, ok := s.Next(ctx)
		if !ok {
			t.Fatalf("waited in vain for %v", missing)
		}
		for _, k := range got {
			if !missing[k] {
				t.Errorf("got %q, which nobody published or which came before", k)
			}
			delete(missing, k)
		}
	}
}

// silent checks that nothing is waiting. Publish a marker first where hints take a while.
func silent(t *testing.T, s *bus.Subscription) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if got, ok := s.Next(ctx); ok {
		t.Errorf("got %q, want nothing", got)
	}
}

func topics(t *testing.T, here, there bus.Bus) {
	a1, a2, b := here.Subscribe("a"), there.Subscribe("a"), there.Subscribe("b")
	here.Publish("a", "1")
	want(t, a1, "1")
	want(t, a2, "1")
	there.Publish("a", "2")
	want(t, a1, "2")
	want(t, a2, "2")
	here.Publish("b", "3")
	want(t, b, "3")
	here.Publish("none", "4")
	here.Publish("a", "marker")
	want(t, a1, "marker")
	want(t, a2, "marker")
	silent(t, a1)
	silent(t, b)
	// A subscriber that comes later gets later hints alone.
	late := here.Subscribe("a")
	silent(t, late)
}

func coalesce(t *testing.T, here, _ bus.Bus) {
	s := here.Subscribe("a")
	for range 100 {
		here.Publish("a", "x")
		here.Publish("a", "y")
	}
	keys, ok := s.Next(context.Background())
	if !ok || strings.Join(keys, " ") != "x y" {
		t.Errorf("got %q, %v; want x y once", keys, ok)
	}
	silent(t, s)
	here.Publish("a", "x")
	want(t, s, "x")
}

func overflow(t *testing.T, here, there bus.Bus) {
	far := there.Subscribe("a")
	s := here.Subscribe("a")
	for i := range 5000 {
		here.Publish("a", fmt.Sprint(i))
	}
	keys, ok := s.Next(context.Background())
	if !ok || len(keys) == 0 || len(keys) > 1024 {
		t.Fatalf("%d keys, %v", len(keys), ok)
	}
	if keys[0] != "" {
		t.Errorf("the first key is %q, want anything", keys[0])
	}
	// The other end hears of the last one, by its name or as anything.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !far.Wait(ctx, "4999") {
		t.Error("the last hint never arrived")
	}
}

func wait(t *testing.T, here, there bus.Bus) {
	s := there.Subscribe("a")
	for _, k := range []string{"1", "2", "3"} {
		here.Publish("a", k)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !s.Wait(ctx, "3") {
		t.Error("Wait missed its key")
	}
	here.Publish("a", "")
	if !s.Wait(ctx, "9") {
		t.Error("Wait missed anything")
	}
	gone, end := context.WithCancel(ctx)
	end()
	if s.Wait(gone, "9") {
		t.Error("Wait with an ended context")
	}
}

func closing(t *testing.T, here, there bus.Bus) {
	s, other := here.Subscribe("a"), here.Subscribe("a")
	ended := make(chan bool)
	go func() {
		_, ok := s.Next(context.Background())
		ended <- ok
	}()
	s.Close()
	s.Close()
	if <-ended {
		t.Error("a closed subscription got something")
	}
	here.Publish("a", "1")
	want(t, other, "1")
	for range 2 {
		if err := here.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := there.Close(); err != nil {
		t.Error(err)
	}
	if _, ok := other.Next(context.Background()); ok {
		t.Error("a subscription outlived its bus")
	}
	here.Publish("a", "2")
	late := here.Subscribe("a")
	if _, ok := late.Next(context.Background()); ok {
		t.Error("a closed bus gave something")
	}
	late.Close()
}

func concurrent(t *testing.T, here, there bus.Bus) {
	const publishers, each = 8, 200
	s := there.Subscribe("a")
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				here.Publish("a", fmt.Sprint(p, "-", i))
				sub := here.Subscribe("a")
				sub.Close()
			}
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	seen := map[string]bool{}
	for len(seen) < publishers*each && !seen[""] {
		keys, ok := s.Next(ctx)
		if !ok {
			t.Fatalf("%d of %d keys came", len(seen), publishers*each)
		}
		for _, k := range keys {
			seen[k] = true
		}
	}
	wg.Wait()
}

func oddKeys(t *testing.T, here, there bus.Bus) {
	s := there.Subscribe("a")
	for _, key := range []string{"with space", "ünï", `quo"te'`, "new\nline", strings.Repeat("k", 1000)} {
		here.Publish("a", key)
		want(t, s, key)
	}
	here.Publish("a", strings.Repeat("k", 1001))
	want(t, s, "")
}

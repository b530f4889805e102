package pool_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/engine/pool"
	"github.com/parley-ai/parley/internal/fault"
)

// TestUnloadWhileRequestsRun: they end as they would; new ones wait and then get a model that was loaded anew.
func TestUnloadWhileRequestsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{Wait: time.Minute})
		one, two := use(t, p, spec("a", 40)), use(t, p, spec("a", 40))
		if !p.Unload("a") {
			t.Fatal("it was loaded")
		}
		if n := p.Leaving()["a"]; n != 2 {
			t.Errorf("%d requests are to end", n)
		}
		one.Release()
		g.wantClosed(t)
		var next pool.Lease
		var wg sync.WaitGroup
		wg.Go(func() { next = use(t, p, spec("a", 40)) })
		synctest.Wait()
		g.wantOpened(t, "a")
		use(t, p, spec("b", 1)).Release() // others do not wait
		two.Release()
		wg.Wait()
		g.wantClosed(t, "a")
		g.wantOpened(t, "a", "b", "a")
		if len(p.Leaving()) != 0 {
			t.Error("it is still leaving")
		}
		// Who cannot wait is told so.
		if !p.Unload("a") {
			t.Fatal("it was loaded")
		}
		begin := time.Now()
		_, err := p.Use(t.Context(), spec("a", 40), nil)
		if fault.KindOf(err) != fault.Overloaded || !strings.Contains(err.Error(), "being unloaded and still has 1 requests") || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Use(gone, spec("a", 40), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
		next.Release()
		use(t, p, spec("a", 40)).Release()
	})
}

func TestUnloadWhileLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{load: time.Second}
		p := newPool(t, g, pool.Options{})
		var wg sync.WaitGroup
		wg.Go(func() { use(t, p, spec("a", 0)).Release() })
		synctest.Wait()
		p.Unload("a")
		wg.Go(func() { use(t, p, spec("a", 0)).Release() })
		wg.Wait()
		g.wantOpened(t, "a", "a")
		g.wantClosed(t, "a")
	})
}

// mute is an echo that does not tell its load, as if it hung.
type mute struct{ engine.Backend }

func (mute) Stats(context.Context) (engine.Stats, error) {
	return engine.Stats{}, errors.New("no answer")
}

func (mute) Process() engine.Process { return engine.Process{PID: 7, Restarts: 2} }

func TestProbe(t *testing.T) {
	p := pool.New(pool.Options{Log: slog.New(slog.DiscardHandler), Openers: map[string]engine.Opener{
		"echo": func(_ context.Context, s engine.Spec, _ engine.Progress) (engine.Backend, error) {
			b := echo.New(echo.Options{})
			if s.Name == "hung" {
				return mute{b}, nil
			}
			return b, nil
		},
	}})
	defer p.Close(t.Context())
	use(t, p, spec("fine", 3)).Release()
	use(t, p, spec("hung", 0)).Release()
	if got := p.Probe(t.Context()); len(got) != 1 || got["hung"] == nil {
		t.Errorf("%v", got)
	}
	if got := p.Processes(); len(got) != 1 || got["hung"][0].PID != 7 {
		t.Errorf("%v", got)
	}
	if s := status(p, "fine"); s.Memory != 3 {
		t.Errorf("%+v", s)
	}
}

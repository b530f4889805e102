package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// The tests run in synctest bubbles, where time moves only when everything waits: timers and the
// system's clock are fake together.

// garage opens echo backends and remembers what it did.
type garage struct {
	mu     sync.Mutex
	opened []string // names, in order
	closed []string
	load   time.Duration // how long a load takes
	fail   map[string]error
	really map[string]int64 // what a model takes, where that is not its estimate
}

type car struct {
	*echo.Backend
	name string
	g    *garage
}

func (c *car) Close() error {
	c.g.mu.Lock()
	c.g.closed = append(c.g.closed, c.name)
	c.g.mu.Unlock()
	return c.Backend.Close()
}

func (g *garage) open(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
	name := spec.Name + spec.Path
	g.mu.Lock()
	g.opened = append(g.opened, name)
	err := g.fail[name]
	g.mu.Unlock()
	progress(0.5)
	select {
	case <-time.After(g.load):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	memory := spec.MemoryBytes
	if n, ok := g.really[name]; ok {
		memory = n
	}
	return &car{echo.New(echo.Options{Name: name, MemoryBytes: memory}), name, g}, nil
}

func (g *garage) wantOpened(t *testing.T, names ...string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.opened, names) {
		t.Errorf("opened %v, want %v", g.opened, names)
	}
}

func (g *garage) wantClosed(t *testing.T, names ...string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.closed, names) {
		t.Errorf("closed %v, want %v", g.closed, names)
	}
}

func newPool(t *testing.T, g *garage, o pool.Options) *pool.Pool {
	o.Openers = map[string]engine.Opener{"echo": g.open}
	o.Log = slog.New(slog.DiscardHandler)
	p := pool.New(o)
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error("Close:", err)
		}
	})
	return p
}

func spec(name string, memory int64) engine.Spec {
	return engine.Spec{Name: name, Driver: "echo", MemoryBytes: memory}
}

func use(t *testing.T, p *pool.Pool, s engine.Spec) pool.Lease {
	t.Helper()
	l, err := p.Use(t.Context(), s, nil)
	if err != nil {
		t.Fatalf("Use(%s): %v", s.Name, err)
	}
	return l
}

func nameOf(l pool.Lease) string {
	info, _ := l.Backend().Info(context.Background())
	return info.Name
}

func status(p *pool.Pool, name string) engine.Status {
	for _, s := range p.Statuses() {
		if s.Name == name {
			return s
		}
	}
	return engine.Status{}
}

func TestLoadsOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{load: time.Second}
		p := newPool(t, g, pool.Options{})
		var mu sync.Mutex
		heard := map[int][]float64{}
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				l, err := p.Use(t.Context(), spec("a", 0), func(f float64) {
					mu.Lock()
					defer mu.Unlock()
					heard[i] = append(heard[i], f)
				})
				if err != nil {
					t.Error(err)
					return
				}
				l.Release()
				l.Release()
			})
		}
		synctest.Wait()
		if s := status(p, "a"); s.State != engine.StateLoading || s.Progress != 0.5 || s.Queued != 3 || s.Active != 0 {
			t.Errorf("while it loads: %+v", s)
		}
		wg.Wait()
		g.wantOpened(t, "a")
		for i := range 3 {
			if got := heard[i]; len(got) == 0 || got[len(got)-1] != 0.5 {
				t.Errorf("caller %d heard %v", i, got)
			}
		}
		l := use(t, p, spec("a", 0))
		if s := status(p, "a"); s.State != engine.StateReady || s.Active != 1 || s.Queued != 0 || s.Info.Backend != "echo" {
			t.Errorf("in use: %+v", s)
		}
		l.Release()
		if s := status(p, "a"); s.Active != 0 {
			t.Errorf("released twice and once, %d are active", s.Active)
		}
		g.wantOpened(t, "a")
	})
}

func TestCallerThatLeavesDoesNotStopTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{load: time.Second}
		p := newPool(t, g, pool.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Use(ctx, spec("a", 0), nil); err != context.DeadlineExceeded {
			t.Errorf("the impatient caller: %v", err)
		}
		time.Sleep(2 * time.Second)
		use(t, p, spec("a", 0)).Release()
		g.wantOpened(t, "a")
	})
}

func TestUnloadsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{Idle: time.Minute})
		use(t, p, spec("idle", 0)).Release()
		busy := use(t, p, spec("busy", 0))
		time.Sleep(50 * time.Second)
		g.wantClosed(t)
		time.Sleep(30 * time.Second)
		g.wantClosed(t, "idle")
		if s := status(p, "idle"); s.State != engine.StateCold {
			t.Errorf("unloaded: %+v", s)
		}
		time.Sleep(time.Hour)
		g.wantClosed(t, "idle")
		busy.Release()
		time.Sleep(50 * time.Second)
		g.wantClosed(t, "idle")
		use(t, p, spec("idle", 0)).Release()
		g.wantOpened(t, "idle", "busy", "idle")
	})
}

func TestBudgetEvictsLeastRecentlyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{Budget: 100})
		use(t, p, spec("a", 40)).Release()
		time.Sleep(time.Second)
		use(t, p, spec("b", 40)).Release()
		time.Sleep(time.Second)
		use(t, p, spec("a", 40)).Release()
		time.Sleep(time.Second)
		use(t, p, spec("c", 40)).Release()
		g.wantClosed(t, "b")
		use(t, p, spec("big", 100)).Release()
		g.mu.Lock()
		slices.Sort(g.closed)
		g.mu.Unlock()
		g.wantClosed(t, "a", "b", "c")
		if _, err := p.Use(t.Context(), spec("huge", 101), nil); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "Raise the budget") {
			t.Errorf("a model beyond the whole budget: %v", err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.closed) != 3 {
			t.Errorf("models were unloaded for one that never fits: %v", g.closed)
		}
	})
}

// TestBudgetCountsWhatWasMeasured: models that take more than was estimated are not held together.
func TestBudgetCountsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{really: map[string]int64{"big": 80, "huge": 130, "lean": 10}}
		p := newPool(t, g, pool.Options{Budget: 100, Wait: time.Second})
		use(t, p, spec("small", 40)).Release()
		time.Sleep(time.Second)
		l := use(t, p, spec("big", 60)) // estimated to fit beside small
		synctest.Wait()
		g.wantClosed(t, "small")
		l.Release()
		use(t, p, spec("small", 40)).Release()
		g.wantClosed(t, "small", "big")
		use(t, p, spec("big", 60)).Release() // known by now
		g.wantClosed(t, "small", "big", "small")

		busy := use(t, p, spec("big", 60))
		time.Sleep(time.Second)
		beside := use(t, p, spec("lean", 20)) // estimated, and counted, with 20
		if _, err := p.Use(t.Context(), spec("tiny", 1), nil); fault.KindOf(err) != fault.Overloaded {
			t.Errorf("beyond the budget: %v", err)
		}
		beside.Release()
		busy.Release()

		time.Sleep(time.Second)
		use(t, p, spec("huge", 90)).Release() // beyond the whole budget, which only loading it tells
		time.Sleep(time.Second)
		use(t, p, spec("small", 40)).Release()
		use(t, p, spec("huge", 90)).Release()
		g.mu.Lock()
		defer g.mu.Unlock()
		if n := len(g.opened); g.opened[n-1] != "huge" || g.opened[n-2] != "small" || g.closed[len(g.closed)-1] != "small" {
			t.Errorf("opened %v, closed %v", g.opened, g.closed)
		}
	})
}

func TestBudgetWaitsForBusyModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{Budget: 100, Wait: 10 * time.Second})
		a := use(t, p, spec("a", 60))
		use(t, p, spec("small", 10)).Release()
		begin := time.Now()
		if _, err := p.Use(t.Context(), spec("b", 60), nil); fault.KindOf(err) != fault.Overloaded || time.Since(begin) != 10*time.Second {
			t.Errorf("no memory: %v after %s", err, time.Since(begin))
		}
		g.wantClosed(t) // small alone would not have been enough
		time.Sleep(time.Minute)
		go func() {
			time.Sleep(4 * time.Second)
			a.Release()
		}()
		begin = time.Now()
		use(t, p, spec("b", 60)).Release()
		if time.Since(begin) != 4*time.Second {
			t.Errorf("it waited %s", time.Since(begin))
		}
	})
}

func TestSpecChangeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{})
		old, next := spec("a", 0), spec("a", 0)
		old.Path, next.Path = "-old", "-new"
		first := use(t, p, old)
		second := use(t, p, next)
		if nameOf(first) != "a-old" || nameOf(second) != "a-new" {
			t.Errorf("%s, %s", nameOf(first), nameOf(second))
		}
		g.wantClosed(t)
		first.Release()
		g.wantClosed(t, "a-old")
		if n := len(p.Statuses()); n != 1 {
			t.Errorf("%d entries for one name", n)
		}
		if !p.Unload("a") || p.Unload("a") {
			t.Error("Unload must say whether there was something")
		}
		g.wantClosed(t, "a-old")
		second.Release()
		g.wantClosed(t, "a-old", "a-new")
	})
}

func TestChangedWhileLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{load: time.Second}
		p := newPool(t, g, pool.Options{})
		old, next := spec("a", 0), spec("a", 0)
		old.Path, next.Path = "-old", "-new"
		var waiter pool.Lease
		var wg sync.WaitGroup
		wg.Go(func() { waiter = use(t, p, old) })
		synctest.Wait()
		use(t, p, next).Release()
		wg.Wait()
		if nameOf(waiter) != "a-old" {
			t.Errorf("who asked for the old one got %s", nameOf(waiter))
		}
		waiter.Release()
		g.wantClosed(t, "a-old")
	})
}

func TestFailedLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := fault.New(fault.Unavailable, "The file is altered.")
		g := &garage{fail: map[string]error{"a": broken}}
		p := newPool(t, g, pool.Options{Retry: time.Minute})
		for range 3 {
			if _, err := p.Use(t.Context(), spec("a", 0), nil); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		}
		g.wantOpened(t, "a")
		if s := status(p, "a"); s.State != engine.StateFailed || s.Error != "The file is altered." {
			t.Errorf("%+v", s)
		}
		delete(g.fail, "a")
		time.Sleep(time.Minute)
		use(t, p, spec("a", 0)).Release()
		if s := status(p, "a"); s.State != engine.StateReady || s.Error != "" {
			t.Errorf("%+v", s)
		}
		if _, err := p.Use(t.Context(), engine.Spec{Name: "x", Driver: "abacus"}, nil); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), `"abacus"`) {
			t.Errorf("a driver that is not there: %v", err)
		}
	})
}

// TestEngineThatDiesAtEveryLoad is left alone for longer and longer, and says so.
func TestEngineThatDiesAtEveryLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		died := fault.New(fault.Unavailable, "The process ended (signal: killed).").WithCause(engine.ErrDied)
		g := &garage{fail: map[string]error{"a": died}}
		p := newPool(t, g, pool.Options{})
		for n, wait := range []time.Duration{2, 4, 8, 16, 30, 30} {
			_, err := p.Use(t.Context(), spec("a", 0), nil)
			f := fault.As(err)
			if f == nil || f.Kind != fault.Unavailable || !errors.Is(err, engine.ErrDied) {
				t.Fatalf("load %d: %v", n+1, err)
			}
			if says := fmt.Sprintf("That was attempt %d; the next one is made when the model is asked for in %ds or later.", n+1, wait); n > 0 && !strings.Contains(f.Message, says) {
				t.Errorf("load %d says %q, want %q", n+1, f.Message, says)
			}
			time.Sleep(wait*time.Second - time.Millisecond)
			if _, again := p.Use(t.Context(), spec("a", 0), nil); again == nil || again.Error() != err.Error() {
				t.Errorf("%s after load %d: %v", wait*time.Second, n+1, again)
			}
			if g.mu.Lock(); len(g.opened) != n+1 {
				t.Errorf("%d loads, want %d", len(g.opened), n+1)
			}
			g.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		delete(g.fail, "a")
		use(t, p, spec("a", 0)).Release()
	})
}

// fragile is an echo whose process may be down.
type fragile struct {
	engine.Backend
	down bool
	err  error
}

func (f *fragile) Down() (bool, error) { return f.down, f.err }

func TestStatusOfADeadProcess(t *testing.T) {
	f := &fragile{Backend: echo.New(echo.Options{})}
	p := pool.New(pool.Options{Log: slog.New(slog.DiscardHandler), Openers: map[string]engine.Opener{
		"echo": func(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) { return f, nil },
	}})
	defer p.Close(t.Context())
	use(t, p, spec("a", 0)).Release()
	if s := status(p, "a"); s.State != engine.StateReady || s.Error != "" {
		t.Errorf("alive: %+v", s)
	}
	f.down = true
	if s := status(p, "a"); s.State != engine.StateLoading || s.Progress != 0 {
		t.Errorf("being started again: %+v", s)
	}
	f.err = errors.New("its file is gone")
	if s := status(p, "a"); s.State != engine.StateFailed || s.Error != "its file is gone" {
		t.Errorf("refused: %+v", s)
	}
	f.down, f.err = false, nil
	if s := status(p, "a"); s.State != engine.StateReady || s.Error != "" {
		t.Errorf("alive again: %+v", s)
	}
}

func replicated() engine.Spec {
	s := spec("a", 0)
	s.Path = "-0"
	for i := 1; i < 3; i++ {
		s.Replicas = append(s.Replicas, engine.Spec{Driver: "echo", Path: fmt.Sprint("-", i)})
	}
	return s
}

func TestLeastLoadedReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{})
		if err := p.Preload(t.Context(), replicated()); err != nil {
			t.Fatal(err)
		}
		leases := map[string][]pool.Lease{}
		for range 6 {
			l := use(t, p, replicated())
			leases[nameOf(l)] = append(leases[nameOf(l)], l)
		}
		for name, ls := range leases {
			if len(ls) != 2 {
				t.Errorf("%s has %d of 6 requests", name, len(ls))
			}
		}
		if s := status(p, "a"); s.Active != 6 || s.State != engine.StateReady {
			t.Errorf("%+v", s)
		}
		leases["a-1"][0].Release()
		if l := use(t, p, replicated()); nameOf(l) != "a-1" {
			t.Errorf("a-1 had the fewest requests, %s was taken", nameOf(l))
		}
	})
}

func TestReplicaThatIsAwayIsAvoided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{}
		p := newPool(t, g, pool.Options{Retry: time.Minute})
		if err := p.Preload(t.Context(), replicated()); err != nil {
			t.Fatal(err)
		}
		l := use(t, p, replicated())
		gone := nameOf(l)
		if err := l.Backend().Close(); err != nil { // as if it had died
			t.Fatal(err)
		}
		for _, err := range l.Backend().Generate(t.Context(), engine.GenerateRequest{Tokens: []engine.Token{'x'}, MaxTokens: 1}) {
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("a closed echo says %v", err)
			}
		}
		l.Release()
		for range 10 {
			if l := use(t, p, replicated()); nameOf(l) == gone {
				t.Errorf("%s is away and was taken", gone)
			}
		}
		time.Sleep(time.Minute)
		if l := use(t, p, replicated()); nameOf(l) != gone {
			t.Errorf("after a while %s is tried again, got %s", gone, nameOf(l))
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &garage{load: time.Hour}
		p := newPool(t, g, pool.Options{Idle: time.Minute})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.Use(t.Context(), spec("slow", 0), nil); err == nil {
				t.Error("a load that Close ended gave a lease")
			}
		})
		synctest.Wait()
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if _, err := p.Use(t.Context(), spec("a", 0), nil); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestCloseEndsRunningSequences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := echo.Opener(echo.Options{BeforeToken: func(ctx context.Context, _ engine.GenerateRequest, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		p := pool.New(pool.Options{Openers: map[string]engine.Opener{"echo": hold}, Log: slog.New(slog.DiscardHandler)})
		l := use(t, p, spec("a", 0))
		var wg sync.WaitGroup
		wg.Go(func() {
			var last error
			for _, err := range l.Backend().Generate(t.Context(), engine.GenerateRequest{Tokens: []engine.Token{'x'}, MaxTokens: 9}) {
				last = err
			}
			if fault.KindOf(last) != fault.Unavailable {
				t.Errorf("the sequence ended with %v", last)
			}
			l.Release()
		})
		synctest.Wait()
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

// TestManyAtOnce is for the race detector: everything at once, within the budget.
func TestManyAtOnce(t *testing.T) {
	g := &garage{}
	p := pool.New(pool.Options{Openers: map[string]engine.Opener{"echo": g.open}, Budget: 100, Idle: 40 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				s := spec(fmt.Sprint("m", (i+j)%5), 40)
				s.Path = fmt.Sprint("-", j/25)
				l, err := p.Use(t.Context(), s, func(float64) {})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := l.Backend().Tokenize(t.Context(), engine.TokenizeRequest{Text: "x"}); err != nil {
					t.Error(err)
				}
				p.Statuses()
				l.Release()
			}
		})
	}
	wg.Wait()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(g.opened) != len(g.closed) {
		t.Errorf("%d backends were opened and %d closed", len(g.opened), len(g.closed))
	}
}

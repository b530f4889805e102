package bus_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/bus/bustest"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func TestLocal(t *testing.T) {
	bustest.Conform(t, func(*testing.T) (here, there bus.Bus) {
		b := bus.NewLocal()
		return b, b
	})
}

func openPostgres(t *testing.T, url string) (*bus.Postgres, *store.DB) {
	t.Helper()
	db := storetest.Open(t, url, store.Options{})
	b, err := bus.NewPostgres(context.Background(), db.Pool(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, db
}

func TestPostgres(t *testing.T) {
	storetest.Postgres(t) // skips the whole test without one
	bustest.Conform(t, func(t *testing.T) (here, there bus.Bus) {
		url := storetest.Postgres(t)
		a, _ := openPostgres(t, url)
		b, _ := openPostgres(t, url)
		return a, b
	})
}

// Installations in two schemas of one database do not hear each other.
func TestPostgresSchemas(t *testing.T) {
	a, _ := openPostgres(t, storetest.Postgres(t))
	urlB := storetest.Postgres(t)
	b, _ := openPostgres(t, urlB)
	b2, _ := openPostgres(t, urlB)
	s := b.Subscribe("t")
	a.Publish("t", "foreign")
	b2.Publish("t", "own")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if keys, ok := s.Next(ctx); !ok || len(keys) != 1 || keys[0] != "own" {
		t.Errorf("got %q, %v", keys, ok)
	}
}

// A lost connection comes back, and subscribers are told that they may have missed something.
func TestPostgresReconnects(t *testing.T) {
	url := storetest.Postgres(t)
	a, db := openPostgres(t, url)
	b, _ := openPostgres(t, url)
	s := a.Subscribe("t")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var schema string
	if err := db.Read().QueryRow(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		t.Fatal(err)
	}
	n, err := db.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1`, `LISTEN "parley_bus.`+schema+`"`)
	if err != nil || n != 2 {
		t.Fatalf("%d listeners, %v", n, err)
	}
	if keys, ok := s.Next(ctx); !ok || len(keys) != 1 || keys[0] != "" {
		t.Errorf("after the loss: %q, %v", keys, ok)
	}
	b.Publish("t", "again")
	if !s.Wait(ctx, "again") {
		t.Error("nothing after the connection came back")
	}
}

func BenchmarkPublish(b *testing.B) {
	l := bus.NewLocal()
	s := l.Subscribe("t")
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		l.Publish("t", "key")
	}
}

// TestFollow: it looks when there are hints and when there were none for long, and ends with the bus.
func TestFollow(t *testing.T) {
	b := bus.NewLocal()
	looks := make(chan []string)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		bus.Follow(t.Context(), b, "topic", time.Millisecond, func(keys []string) { looks <- keys })
	}()
	for len(<-looks) > 0 {
		t.Fatal("a key that nobody has published")
	}
	b.Publish("topic", "k")
	for keys := range looks {
		if len(keys) == 1 && keys[0] == "k" {
			break
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case <-looks: // one may have been under way
		case <-ended:
			return
		case <-time.After(10 * time.Second):
			t.Fatal("it goes on without its bus")
		}
	}
}

package usage

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	who   = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-a", Key: "key_a"}
	begin = time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC)
)

func TestRecordAndTotals(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(begin)
		l := New(db, clk, slog.New(slog.DiscardHandler))
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 20 {
					l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Served: "m", Prompt: 10, Cached: 4, Completion: 3, Status: "completed"})
				}
			})
		}
		wg.Wait()
		l.Record(t.Context(), who, Row{Op: "embeddings", Model: "ada", Prompt: 7, Status: "failed"})
		l.Record(t.Context(), actor.Actor{Org: "org-b", Project: "proj_a"}, Row{Op: "chat", Model: "gpt-4", Prompt: 99})
		l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 99, Time: begin.Add(time.Hour)})
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := l.Totals(t.Context(), who, begin, begin.Add(time.Hour))
		if s := fmt.Sprint(got); err != nil || s != "[{chat gpt-4 200 2000 800 600} {embeddings ada 1 7 0 0}]" {
			t.Errorf("%s %v", s, err)
		}
		l.Record(t.Context(), who, Row{Op: "last", Model: "m"})
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err = l.Totals(t.Context(), who, begin, begin.Add(time.Second))
		if err != nil || len(got) != 3 || got[2].Op != "last" {
			t.Errorf("Close lost a row: %v %v", got, err)
		}
	})
}

// TestRowOfARequest: what a row does not say is taken from the request.
func TestRowOfARequest(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	clk := clock.NewFake(begin)
	l := New(db, clk, slog.New(slog.DiscardHandler))
	api, err := httpapi.New(httpapi.Options{Auth: auth{}, Logger: slog.New(slog.DiscardHandler), Clock: clk, Routes: []httpapi.Route{{
		Method: "GET", Path: "/v1/x", Op: "x", Handle: func(w http.ResponseWriter, r *http.Request) error {
			clk.Advance(1500 * time.Millisecond)
			l.Record(context.WithoutCancel(r.Context()), httpapi.ActorOf(r.Context()), Row{Op: "chat", Model: "m", FirstToken: 250 * time.Millisecond})
			return httpapi.JSON(w, 200, true)
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest("GET", "/v1/x", nil))
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var id, key string
	var at, latency, first int64
	if err := db.Read().QueryRow(t.Context(), `SELECT request_id, key_id, created_at, latency_ms, first_token_ms FROM usage_events`).Scan(&id, &key, &at, &latency, &first); err != nil {
		t.Fatal(err)
	}
	if id != rec.Header().Get("X-Request-Id") || key != "key_a" || !store.Time(at).Equal(begin.Add(1500*time.Millisecond)) || latency != 1500 || first != 250 {
		t.Errorf("%s %s %v %d %d", id, key, store.Time(at), latency, first)
	}
}

type auth struct{}

func (auth) Authenticate(*http.Request) (actor.Actor, error) { return who, nil }

// TestNotQueuedIsLogged: a row that cannot be kept leaves a trace.
func TestNotQueuedIsLogged(t *testing.T) {
	var out bytes.Buffer
	l := New(storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.System, slog.New(slog.NewTextHandler(&out, nil)))
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 12})
	if s := out.String(); !strings.Contains(s, "prompt_tokens=12") || !strings.Contains(s, "org-a") {
		t.Errorf("log: %q", s)
	}
}

func BenchmarkRecord(b *testing.B) {
	l := New(storetest.Open(b, storetest.SQLite(b), store.Options{}), clock.System, slog.New(slog.DiscardHandler))
	defer func() { _ = l.Close(context.Background()) }() // the benchmark is over
	b.ReportAllocs()
	for b.Loop() {
		l.Record(b.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 12})
	}
}

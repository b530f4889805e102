package server

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/usage"
)

// fixed is a fake calendar: every model costs two dollars for 1,000 tokens.
type fixed struct{}

func (fixed) Price(context.Context, actor.Actor, string) usage.Price {
	two := 2.0
	return usage.Price{Input: &two, Output: &two}
}

// TestSpending: what tiers look at is what the usage's rows have cost, of one organization, since it was made.
func TestSpending(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(time.Date(2023, 11, 6, 18, 0, 0, 0, time.UTC))
		made := clk.Now()
		log, err := usage.New(t.Context(), usage.Options{DB: db, Clock: clk, Logger: slog.New(slog.DiscardHandler), Prices: fixed{}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := log.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		s := spending{log, clk}
		if got, err := s.Spend(t.Context(), "org-a", made); err != nil || got != 0 {
			t.Fatalf("%d, %v before anything was asked for", got, err)
		}
		for _, org := range []string{"org-a", "org-b", "org-a"} {
			clk.Advance(30 * time.Hour)
			log.Record(t.Context(), actor.Actor{Org: org, Project: "proj_" + org}, usage.Row{Op: "chat", Model: "m", Prompt: 200, Completion: 50, Requests: 1, Status: 200})
		}
		clk.Advance(time.Minute)
		deadline := time.Now().Add(30 * time.Second)
		for {
			got, err := s.Spend(t.Context(), "org-a", made)
			if err != nil || got > 1e9 || time.Now().After(deadline) {
				t.Fatalf("%d, %v: want a dollar", got, err)
			}
			if got == 1e9 {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

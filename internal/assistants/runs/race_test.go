package runs

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/assistantstest"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/assistants/recall"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// fakeModel is a model for these tests: it calls the function once and then says that it is done.
type fakeModel struct{}

func (fakeModel) Run(_ context.Context, _ actor.Actor, req generate.Request, p generate.Prompt) iter.Seq2[generate.Event, error] {
	return func(yield func(generate.Event, error) bool) {
		turn := []generate.Event{generate.Admitted{Model: req.Model}, generate.Delta{Text: "Done."}, generate.Done{Reason: engine.FinishStop}}
		if p.Messages[len(p.Messages)-1].Role != "tool" {
			turn[1] = generate.ToolCallDelta{ID: "call_1", Name: "f", Arguments: "{}"}
		}
		for _, ev := range turn {
			if !yield(ev, nil) {
				return
			}
		}
	}
}

func (fakeModel) Known(context.Context, actor.Actor, string) error         { return nil }
func (fakeModel) Window(context.Context, actor.Actor, string) (int, error) { return 4096, nil }

// fakeServers is one server that lives.
type fakeServers struct{}

func (fakeServers) ID() string { return "srv_a" }
func (fakeServers) Alive(context.Context, store.Q) (map[string]bool, error) {
	return map[string]bool{"srv_a": true}, nil
}

// fakeAssistants has one assistant, with a function. It is asked in the transaction that makes a run.
type fakeAssistants struct{}

func (fakeAssistants) GetIn(context.Context, store.Q, actor.Actor, string) (object.Assistant, error) {
	return object.Assistant{ID: "asst_1", Model: "m", Tools: []object.Tool{{Type: object.FunctionTool, Function: &object.Function{Name: "f"}}}}, nil
}

var ann = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-ann"}

func service(t *testing.T, db *store.DB) *Service {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	j, err := jobs.New(t.Context(), db, jobs.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	threads := thread.New(thread.NewStore(db, clock.System), &reach.Keeper{Files: assistantstest.Files{}, Stores: &assistantstest.Stores{}}, j)
	s := New(Options{
		DB: db, Threads: threads, Memory: recall.New(db, threads.Store, clock.System), Assistants: fakeAssistants{}, Model: fakeModel{}, Servers: fakeServers{},
		Bus: bus.NewLocal(), Clock: clock.System, Logger: log,
	})
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// made makes a run in a thread of its own.
func (s *Service) made(t *testing.T) (object.Run, *Subscription) {
	t.Helper()
	hi := "hi"
	m := &object.Message{Role: "user", Status: object.Completed, Content: []object.Part{{Type: object.TextPart, Text: &object.Text{Value: hi}}}}
	run, sub, err := s.Create(t.Context(), ann, Request{AssistantID: "asst_1", NewThread: &object.NewThread{Messages: []*object.Message{m}}})
	if err != nil {
		t.Fatal(err)
	}
	return run, sub
}

// last reads a subscription to its end and returns the names of the first and the last event.
func last(t *testing.T, sub *Subscription) (first, end string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for {
		list, ok := sub.Next(ctx)
		if !ok {
			return first, end
		}
		if first == "" {
			first = list[0].Name
		}
		end = list[len(list)-1].Name
	}
}

// TestOutputsBeforeTheExecutionHasGone: a caller may be quicker with its outputs than the goroutine that asked for them is with its end.
func TestOutputsBeforeTheExecutionHasGone(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := service(t, db)
		run, sub := s.made(t)
		if _, end := last(t, sub); end != "thread.run.requires_action" {
			t.Fatalf("the run ends with %s", end)
		}
		_, stop := context.WithCancelCause(t.Context())
		going := &live{cancel: stop, hub: &hub{}, done: make(chan struct{})}
		s.mu.Lock()
		s.live[run.ID] = going
		s.mu.Unlock()
		_, sub, err := s.Submit(t.Context(), ann, run.ThreadID, run.ID, []Output{{CallID: "call_1", Text: "5"}})
		if err != nil {
			t.Fatal(err)
		}
		close(going.done)
		if _, end := last(t, sub); end != "thread.run.completed" {
			t.Errorf("the stream of the outputs ends with %q", end)
		}
	})
}

// beating are servers that tell when they are asked who lives, which is in the middle of a beat.
type beating struct {
	Servers
	asked chan struct{}
}

func (b beating) Alive(ctx context.Context, q store.Q) (map[string]bool, error) {
	close(b.asked)
	return b.Servers.Alive(ctx, q)
}

// TestBeatWhileARunIsMade: a run that is in the database and not begun yet is not taken for one that nobody executes.
func TestBeatWhileARunIsMade(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := service(t, db)
		run, sub := s.made(t)
		if _, end := last(t, sub); end != "thread.run.requires_action" {
			t.Fatalf("the run ends with %s", end)
		}
		// As Submit leaves it behind its transaction.
		s.making.RLock()
		if _, err := db.Exec(t.Context(), `UPDATE thread_runs SET status = 'queued', server_id = 'srv_a' WHERE id = $1`, run.ID); err != nil {
			t.Fatal(err)
		}
		recovered := make(chan error, 1)
		asked := make(chan struct{})
		s.servers = beating{s.servers, asked}
		go func() { recovered <- s.Recover(context.Background()) }()
		<-asked
		h := &hub{}
		sub = h.listen()
		s.begin(ann, run, h)
		s.making.RUnlock()
		if err := <-recovered; err != nil {
			t.Fatal(err)
		}
		if _, end := last(t, sub); end == "" {
			t.Error("who made the run got no events")
		}
	})
}

// TestBeatsReadOpenRunsOnly: what every beat asks is answered from the index of the runs that are open, however many have ended.
func TestBeatsReadOpenRunsOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		if db.Dialect() != store.SQLite {
			return // PostgreSQL sees by itself that the index has what is asked for
		}
		for query, args := range map[string][]any{executingQuery: nil, overdueQuery: {0}} {
			plan, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (text string, err error) {
				var id, parent, unused int
				return text, row.Scan(&id, &parent, &unused, &text)
			}, `EXPLAIN QUERY PLAN `+query, args...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(plan, "\n"), "thread_runs_active") {
				t.Errorf("%s\n%s", query, plan)
			}
		}
	})
}

// TestStreamWithoutAnEnd: a stream whose run did not end with it says so, and not that it is done.
func TestStreamWithoutAnEnd(t *testing.T) {
	run := object.Run{ID: "run_1", Status: object.InProgress}
	for name, end := range map[string]func(h *hub, sub *Subscription){
		"server stops": func(h *hub, _ *Subscription) { h.tell(Event{Name: "thread.run.in_progress", Run: &run}); h.close() },
		"slow client": func(h *hub, _ *Subscription) {
			for range maxWaiting + 1 {
				h.tell(Event{Name: "thread.run.in_progress", Run: &run})
			}
		},
	} {
		h := &hub{}
		sub := h.listen()
		end(h, sub)
		stream := true
		err := answer(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil), wire.V2, run, sub, &stream)
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var _ agent.Model = fakeModel{}

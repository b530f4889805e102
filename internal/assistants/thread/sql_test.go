package thread

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	ann = actor.Actor{Org: "org-a", Project: "proj_a"}
	bob = actor.Actor{Org: "org-b", Project: "proj_b"}
)

// newThread stores a thread of ann's.
func newThread(t *testing.T, s *Store) *object.Thread {
	t.Helper()
	th := &object.Thread{ID: ids.New(object.ThreadID), Created: s.now(), Updated: s.now()}
	if err := s.db.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := s.insertThread(t.Context(), tx, ann, th)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return th
}

func say(text string) *object.Message {
	return &object.Message{Role: object.User, Status: object.Completed, Content: []object.Part{{Type: object.TextPart, Text: &object.Text{Value: text}}}}
}

func TestPositionsAreUnique(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := NewStore(db, clock.System)
		th := newThread(t, s)
		ctx := t.Context()
		const writers, each = 4, 25
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					err := db.Tx(ctx, func(tx *store.Tx) error {
						if _, err := s.Lock(ctx, tx, ann, th.ID); err != nil {
							return err
						}
						return s.Append(ctx, tx, ann, th.ID, say(fmt.Sprintf("%d/%d", w, i)))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		got, err := s.Recent(ctx, db.Read(), th.ID, 0, 1000)
		if err != nil || len(got) != writers*each {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		for i, m := range got {
			if m.Position != int64(len(got)-1-i) {
				t.Fatalf("message %d from the end has position %d", i, m.Position)
			}
		}
		th2, err := s.Thread(ctx, db.Read(), ann, th.ID)
		if err != nil || th2.Messages != writers*each {
			t.Errorf("the thread counts %d messages, %v", th2.Messages, err)
		}
		if _, err := s.Thread(ctx, db.Read(), bob, th.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization's thread: %v", err)
		}
	})
}

func TestRunsAndStepsComeBackAsTheyWere(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := NewStore(db, clock.System)
		th := newThread(t, s)
		ctx := t.Context()
		at := time.UnixMilli(1_700_000_000_123).UTC()
		half, tokens, five, out := 0.5, int64(300), 5, "12"
		run := &object.Run{
			ThreadID: th.ID, AssistantID: "asst_1", Status: object.Queued, Model: "gpt-4", Instructions: "Be brief.",
			Tools:     []object.Tool{{Type: object.CodeInterpreter}, {Type: object.FunctionTool, Function: &object.Function{Name: "f", Parameters: jsontext.Value(`{"type":"object"}`)}}},
			Files:     []string{"file-1"},
			Resources: object.Resources{CodeFiles: []string{"file-1"}, VectorStores: []string{"vs_1"}},
			Metadata:  object.Metadata{"a": "b"}, Temperature: &half, MaxPromptTokens: &tokens, Truncation: object.Truncation{Type: "last_messages", Last: &five},
			ToolChoice: object.ToolChoice{Type: "function", Name: "f"}, Parallel: true, ResponseFormat: &object.ResponseFormat{Type: "json_object"},
			Expires: at, Server: "srv", Actor: jsontext.Value(`{"org":"org-a"}`), Cursor: jsontext.Value(`{"turn":2}`),
		}
		step := &object.Step{
			Org: ann.Org, Project: ann.Project, ThreadID: th.ID, AssistantID: "asst_1", Type: object.ToolCalls, Status: object.InProgress,
			Details: object.Details{Calls: []object.Call{
				{ID: "call_1", Type: object.FunctionTool, Function: &object.FunctionCall{Name: "f", Arguments: "{}", Output: &out}},
				{ID: "call_2", Type: object.CodeInterpreter, Code: &object.CodeCall{Input: "print(12)", Outputs: []object.CodeOutput{{Logs: &out}}}},
			}},
			Context: jsontext.Value(`{"messages":1}`), Metadata: object.Metadata{},
		}
		if err := db.Tx(ctx, func(tx *store.Tx) error {
			if err := s.InsertRun(ctx, tx, ann, run); err != nil {
				return err
			}
			step.RunID = run.ID
			return s.InsertStep(ctx, tx, step)
		}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Run(ctx, db.Read(), th.ID, run.ID)
		if err != nil || !reflect.DeepEqual(got, *run) {
			t.Errorf("%v\n got %+v\nwant %+v", err, got, *run)
		}
		steps, err := s.Steps(ctx, db.Read(), run.ID)
		if err != nil || len(steps) != 1 || !reflect.DeepEqual(steps[0], *step) {
			t.Errorf("%v\n got %+v\nwant %+v", err, steps, *step)
		}

		second := &object.Run{ThreadID: th.ID, Status: object.Queued, Expires: at}
		err = db.Tx(ctx, func(tx *store.Tx) error { return s.InsertRun(ctx, tx, ann, second) })
		if want := "Thread " + th.ID + " already has an active run " + run.ID + "."; err == nil || err.Error() != want {
			t.Errorf("a second active run: %v, want %q", err, want)
		}

		got.Status, got.CompletedAt, got.Usage = object.Completed, at, &object.Usage{PromptTokens: 3, CompletionTokens: 4}
		for i, want := range []bool{true, false} {
			var done bool
			if err := db.Tx(ctx, func(tx *store.Tx) (err error) {
				done, err = s.UpdateRun(ctx, tx, &got, object.Queued)
				return err
			}); err != nil || done != want {
				t.Errorf("ending it, time %d: %v, %v", i+1, done, err)
			}
		}
		if err := db.Tx(context.WithoutCancel(ctx), func(tx *store.Tx) error { return s.InsertRun(ctx, tx, ann, second) }); err != nil {
			t.Errorf("a run after the first has ended: %v", err)
		}
	})
}

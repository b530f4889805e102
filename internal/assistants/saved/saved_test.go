package saved

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants"
	"github.com/parley-ai/parley/internal/assistants/assistantstest"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
	"log/slog"
	"net/http/httptest"
)

var (
	ann = actor.Actor{Org: "org-a", Project: "proj_a"}
	bob = actor.Actor{Org: "org-b", Project: "proj_b"}
)

func newService(t *testing.T, db *store.DB) *Service {
	t.Helper()
	j, err := jobs.New(t.Context(), db, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	keeper := &reach.Keeper{Files: assistantstest.Files{"org-a": {"file-here": "assistants"}}, Stores: &assistantstest.Stores{}}
	return &Service{DB: db, Reach: keeper, Threads: thread.New(thread.NewStore(db, clock.System), keeper, j), Assistants: &assistants.Service{
		DB: db, Clock: clock.System, Reach: keeper,
		Resolve: func(_ context.Context, _ actor.Actor, model string) error {
			if model == "gpt-4-gone" {
				return fault.New(fault.NotFound, "no such model")
			}
			return nil
		},
	}}
}

// savedV1 is what a program of January 2024 may have kept: an assistant, a thread's messages as the API listed them, newest first, a run
// and its steps.
const savedV1 = `
{"id": "asst_abc123", "object": "assistant", "created_at": 1698984975, "name": "Math Tutor", "description": null, "model": "gpt-4-gone", "instructions": "You are a tutor.",
 "tools": [{"type": "code_interpreter"}, {"type": "retrieval"}], "file_ids": ["file-here", "file-lost"], "metadata": {"a": "b"}}
{"object": "list", "data": [
  {"id": "msg_3", "object": "thread.message", "created_at": 1699017616, "thread_id": "thread_abc123", "role": "assistant", "content": [{"type": "text", "text": {"value": "See 【1†source】.",
    "annotations": [{"type": "file_citation", "text": "【1†source】", "file_citation": {"file_id": "file-lost", "quote": "words"}, "start_index": 4, "end_index": 14}]}}],
    "file_ids": [], "assistant_id": "asst_abc123", "run_id": "run_abc123", "metadata": {}},
  {"id": "msg_2", "object": "thread.message", "created_at": 1699017614, "thread_id": "thread_abc123", "role": "user", "content": [{"type": "text", "text": {"value": "second", "annotations": []}}],
    "file_ids": ["file-here"], "assistant_id": null, "run_id": null, "metadata": {}},
  {"id": "msg_1", "object": "thread.message", "created_at": 1699017614, "thread_id": "thread_abc123", "role": "user", "content": [{"type": "text", "text": {"value": "first", "annotations": []}}],
    "file_ids": [], "assistant_id": null, "run_id": null, "metadata": {}}], "first_id": "msg_3", "last_id": "msg_1", "has_more": false}
[{"id": "run_abc123", "object": "thread.run", "created_at": 1699017615, "thread_id": "thread_abc123", "assistant_id": "asst_abc123", "status": "in_progress", "required_action": null,
  "last_error": null, "expires_at": 1699018215, "started_at": 1699017615, "cancelled_at": null, "failed_at": null, "completed_at": null, "model": "gpt-4", "instructions": "You are a tutor.",
  "tools": [{"type": "retrieval"}], "file_ids": ["file-here"], "metadata": {}, "usage": null},
 {"id": "step_abc123", "object": "thread.run.step", "created_at": 1699017616, "run_id": "run_abc123", "assistant_id": "asst_abc123", "thread_id": "thread_abc123", "type": "message_creation",
  "status": "completed", "cancelled_at": null, "completed_at": 1699017616, "expired_at": null, "failed_at": null, "last_error": null,
  "step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_3"}}, "metadata": {}, "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}}]`

func (s *Service) load(t *testing.T, who actor.Actor, text string, dry bool) Report {
	t.Helper()
	items, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.Import(t.Context(), who, items, dry)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// count tells how many objects there were of each outcome.
func count(r Report) map[string]int {
	out := map[string]int{}
	for _, o := range r.Outcomes {
		out[o.Is]++
	}
	return out
}

func TestImport(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		ctx := t.Context()
		for _, dry := range []bool{true, true, false} { // a trial keeps nothing, and so is the same each time
			r := s.load(t, ann, savedV1, dry)
			if got := count(r); got[Added] != 6 || len(got) != 1 {
				t.Fatalf("dry %t: %+v", dry, r)
			}
			if !reflect.DeepEqual(r.MissingFiles, []string{"file-lost"}) || !reflect.DeepEqual(r.UnknownModels, []string{"gpt-4-gone"}) {
				t.Errorf("dry %t: missing %v, models %v", dry, r.MissingFiles, r.UnknownModels)
			}
		}
		a, err := s.Assistants.Get(ctx, ann, "asst_abc123")
		if err != nil || a.Created.Unix() != 1698984975 || !reflect.DeepEqual(a.FileIDs(), []string{"file-here"}) || a.VectorStore == "" {
			t.Errorf("%+v, %v", a, err)
		}
		messages, _, err := s.Threads.Messages(ctx, ann, "thread_abc123", "", store.Paging{Order: "asc"})
		var order []string
		for _, m := range messages {
			order = append(order, m.ID)
		}
		if err != nil || !reflect.DeepEqual(order, []string{"msg_1", "msg_2", "msg_3"}) {
			t.Fatalf("%v, %v", order, err)
		}
		if c := messages[2].Content[0].Text.Annotations[0]; c.Quote != "words" || c.FileID != "file-lost" || messages[2].RunID != "run_abc123" {
			t.Errorf("%+v", messages[2])
		}
		th, err := s.Threads.Get(ctx, ann, "thread_abc123")
		if err != nil || th.Created.Unix() != 1699017614 || !reflect.DeepEqual(th.CodeFiles, []string{"file-here"}) || !reflect.DeepEqual(th.Pending, []string{"file-here"}) {
			t.Errorf("%+v, %v", th, err)
		}
		run, err := s.Threads.GetRun(ctx, ann, "thread_abc123", "run_abc123")
		if err != nil || run.Status != object.Expired {
			t.Errorf("%+v, %v", run, err)
		}
		steps, _, err := s.Threads.RunSteps(ctx, ann, "thread_abc123", "run_abc123", store.Paging{})
		if err != nil || len(steps) != 1 || steps[0].Details.MessageID != "msg_3" || steps[0].Usage.CompletionTokens != 7 {
			t.Errorf("%+v, %v", steps, err)
		}
		if r := s.load(t, ann, savedV1, false); count(r)[Skipped] != 6 {
			t.Errorf("again: %+v", r)
		}
		if r := s.load(t, bob, savedV1, false); count(r)[Refused] != 6 {
			t.Errorf("another organization: %+v", r)
		}

		// What Parley says of it comes back as it is, in both shapes.
		for _, v := range []wire.Version{wire.V1, wire.V2} {
			var text strings.Builder
			for _, o := range []any{v.Assistant(a), v.Thread(th), v.Message(messages[1]), v.Message(messages[2]), v.Run(run), v.Step(steps[0], true)} {
				rec := httptest.NewRecorder()
				if err := httpapi.JSON(rec, 200, o); err != nil {
					t.Fatal(err)
				}
				text.WriteString(rec.Body.String() + "\n")
			}
			renamed := strings.NewReplacer("abc123", "new"+v.String(), "msg_", "msg_"+v.String()).Replace(text.String())
			if r := s.load(t, ann, renamed, false); count(r)[Added] != 6 {
				t.Fatalf("%s: %+v", v, r)
			}
			again, err := s.Threads.GetMessage(ctx, ann, "thread_new"+v.String(), "msg_"+v.String()+"3")
			if err != nil || !reflect.DeepEqual(again.Content, messages[2].Content) {
				t.Errorf("%s: %+v, %v", v, again.Content, err)
			}
		}
	})
}

func TestRefused(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	s := newService(t, db)
	for name, text := range map[string]string{
		"no thread of a run":    `{"object": "thread.run", "id": "run_1", "thread_id": "thread_none", "status": "completed"}`,
		"no run of a step":      `{"object": "thread.run.step", "id": "step_1", "run_id": "run_none", "thread_id": "thread_none", "type": "message_creation", "status": "completed", "step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}}`,
		"no model":              `{"object": "assistant", "id": "asst_1", "tools": []}`,
		"an id of another form": `{"object": "thread", "id": "asst_1"}`,
		"an id to delete with":  `{"object": "thread", "id": "thread_1'; DROP"}`,
		"a role":                `{"object": "thread.message", "id": "msg_1", "thread_id": "thread_1", "role": "system", "content": []}`,
		"a tool":                `{"object": "assistant", "id": "asst_1", "model": "gpt-4", "tools": [{"type": "browser"}]}`,
		"a time that is a text": `{"object": "thread.message", "id": "msg_1", "thread_id": "thread_1", "role": "user", "completed_at": "now"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := s.load(t, ann, text, false)
			if len(r.Outcomes) != 1 || r.Outcomes[0].Is != Refused || r.Outcomes[0].Reason == "" {
				t.Errorf("%+v", r)
			}
		})
	}
	for _, text := range []string{`{"object": "fine"}`, `1`, `{"object": "thread"}`, `{"object": `, `[[1]]`} {
		if items, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read as %v", text, items)
		}
	}
}

func TestManyMessagesKeepTheirOrder(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	s := newService(t, db)
	var text strings.Builder
	const n = 300
	for i := range n {
		fmt.Fprintf(&text, `{"object": "thread.message", "id": "msg_%d", "thread_id": "thread_m", "created_at": %d, "role": "user", "content": [{"type": "text", "text": {"value": "%d", "annotations": []}}]}`+"\n", i, 1700000000+i/10, i)
	}
	if r := s.load(t, ann, text.String(), false); count(r)[Added] != n {
		t.Fatalf("%+v", count(r))
	}
	got, err := s.Threads.Range(t.Context(), db.Read(), "thread_m", 0, n)
	if err != nil || len(got) != n {
		t.Fatal(len(got), err)
	}
	for i, m := range got {
		if m.ID != fmt.Sprintf("msg_%d", i) {
			t.Fatalf("message %d is %s", i, m.ID)
		}
	}
}

package thread

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/assistantstest"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// house is a service with fakes below it.
type house struct {
	*Service
	t      testing.TB
	stores *assistantstest.Stores
}

func newHouse(t testing.TB, db *store.DB) *house {
	t.Helper()
	j, err := jobs.New(context.Background(), db, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stores := &assistantstest.Stores{}
	uploads := assistantstest.Files{"org-a": {"file-1": "assistants", "file-2": "assistants", "file-3": "vision", "file-tune": "fine-tune"}, "org-b": {"file-b": "assistants"}}
	s := New(NewStore(db, clock.System), &reach.Keeper{Files: uploads, Stores: stores}, j)
	if err := j.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &house{Service: s, t: t, stores: stores}
}

// attach is a message with a file for tools.
func attach(text, file string, tools ...string) *object.Message {
	m := say(text)
	m.Attachments = []object.Attachment{{FileID: file, Tools: tools}}
	return m
}

func TestFilesOfMessages(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		th, err := h.Create(ctx, ann, object.NewThread{Messages: []*object.Message{
			attach("code", "file-1", object.CodeInterpreter), attach("search", "file-2", object.FileSearch), attach("search again", "file-2", object.FileSearch),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(th.CodeFiles, []string{"file-1"}) || !reflect.DeepEqual(h.stores.In(th.VectorStore), []string{"file-2"}) || !th.OwnStore {
			t.Errorf("%+v, in the store %v", th, h.stores.In(th.VectorStore))
		}
		// As v1 attaches: searched when a run is to search.
		if err := h.Add(ctx, ann, th.ID, attach("both", "file-1", object.CodeInterpreter, object.FileSearch)); err != nil {
			t.Fatal(err)
		}
		ready := func() object.Thread {
			t.Helper()
			var out object.Thread
			if err := db.Tx(ctx, func(tx *store.Tx) (err error) {
				if out, err = h.Lock(ctx, tx, ann, th.ID); err != nil {
					return err
				}
				return h.Ready(ctx, tx, ann, &out)
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		if th = ready(); !reflect.DeepEqual(h.stores.In(th.VectorStore), []string{"file-2", "file-1"}) || th.Pending != nil {
			t.Errorf("%+v, in the store %v", th, h.stores.In(th.VectorStore))
		}
		// An expired store is replaced.
		h.stores.Expire(th.VectorStore)
		if err := h.Add(ctx, ann, th.ID, attach("later", "file-2", object.FileSearch)); err != nil {
			t.Fatal(err)
		}
		again, err := h.Get(ctx, ann, th.ID)
		if err != nil || again.VectorStore == th.VectorStore || !reflect.DeepEqual(h.stores.In(again.VectorStore), []string{"file-2"}) {
			t.Errorf("%+v, %v", again, err)
		}
		for name, m := range map[string]*object.Message{
			"another's file": attach("x", "file-b", object.CodeInterpreter), "of another purpose": attach("x", "file-tune", object.FileSearch),
			"no image": {Role: object.User, Status: object.Completed, Content: []object.Part{{Type: object.ImageFilePart, Image: &object.Image{FileID: "file-none"}}}},
		} {
			if err := h.Add(ctx, ann, th.ID, m); fault.As(err) == nil || fault.As(err).Param == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if all, _, err := h.Messages(ctx, ann, th.ID, "", store.Paging{}); err != nil || len(all) != 5 {
			t.Errorf("what was refused is kept: %d messages, %v", len(all), err)
		}
	})
}

func TestActiveRunHoldsItsThread(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		th := newThread(t, h.Store)
		run := &object.Run{ThreadID: th.ID, Status: object.InProgress, Expires: time.UnixMilli(1)}
		writing := &object.Message{Role: object.AssistantRole, Status: object.InProgress, Content: []object.Part{}}
		if err := db.Tx(ctx, func(tx *store.Tx) error {
			if err := h.InsertRun(ctx, tx, ann, run); err != nil {
				return err
			}
			writing.RunID = run.ID
			return h.Append(ctx, tx, ann, th.ID, writing)
		}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("Can't add messages to %s while a run %s is active.", th.ID, run.ID)
		if e := fault.As(h.Add(ctx, ann, th.ID, say("x"))); e == nil || e.Kind != fault.Invalid || e.Message != want {
			t.Errorf("adding: %v", e)
		}
		if err := h.DeleteMessage(ctx, ann, th.ID, writing.ID); fault.KindOf(err) != fault.Invalid {
			t.Errorf("deleting what is being written: %v", err)
		}
		if got, _, err := h.Messages(ctx, ann, th.ID, run.ID, store.Paging{}); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
		// Metadata are the caller's, whatever the run writes.
		if _, err := h.SetMessageMetadata(ctx, ann, th.ID, writing.ID, object.Metadata{"a": "b"}); err != nil {
			t.Fatal(err)
		}
		writing.Status = object.Completed
		if err := db.Tx(ctx, func(tx *store.Tx) error { return h.UpdateMessage(ctx, tx, writing) }); err != nil {
			t.Fatal(err)
		}
		if m, err := h.GetMessage(ctx, ann, th.ID, writing.ID); err != nil || m.Metadata["a"] != "b" || m.Status != object.Completed {
			t.Errorf("%+v, %v", m, err)
		}

		// Deleting the thread ends the run for whoever executes it, and tells those who keep something for the thread.
		told := ""
		h.OnDelete(func(_ context.Context, _ *store.Tx, _ actor.Actor, id string) error { told = id; return nil })
		if err := h.Delete(ctx, ann, th.ID); err != nil || told != th.ID {
			t.Fatalf("%v, told %q", err, told)
		}
		if _, err := h.Get(ctx, ann, th.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a deleted thread: %v", err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			left := 0
			for _, table := range []string{Threads, Messages, Runs, Steps} {
				var n int
				if err := db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
					t.Fatal(err)
				}
				left += n
			}
			if left == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d rows are left of a deleted thread", left)
			}
		}
	})
}

func TestPages(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		th := newThread(t, h.Store)
		var ids []string
		for i := range 5 {
			m := say(fmt.Sprint(i))
			if err := h.Add(ctx, ann, th.ID, m); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.ID)
		}
		for _, c := range []struct {
			p    store.Paging
			want string
			more bool
		}{
			{store.Paging{}, "43210", false},
			{store.Paging{Limit: 2}, "43", true},
			{store.Paging{Limit: 2, After: ids[3]}, "21", true},
			{store.Paging{Limit: 2, After: ids[2]}, "10", false},
			{store.Paging{Limit: 2, After: ids[0]}, "", false},
			{store.Paging{Limit: 2, Order: "asc", Before: ids[4]}, "23", true},
			{store.Paging{Order: "asc", After: ids[0], Before: ids[3]}, "12", false},
		} {
			got, more, err := h.Messages(ctx, ann, th.ID, "", c.p)
			var text strings.Builder
			for _, m := range got {
				text.WriteString(m.Content[0].Text.Value)
			}
			if err != nil || text.String() != c.want || more != c.more {
				t.Errorf("%+v: %s, more %t, %v; want %s, %t", c.p, text.String(), more, err, c.want, c.more)
			}
		}
		if err := h.DeleteMessage(ctx, ann, th.ID, ids[4]); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Messages(ctx, ann, th.ID, "", store.Paging{After: ids[4]}); fault.As(err) == nil || fault.As(err).Param != "after" {
			t.Errorf("a deleted cursor: %v", err)
		}
		if got, err := h.Get(ctx, ann, th.ID); err != nil || got.Messages != 4 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAnothersThreadIsNotFound(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		mine := h.stores.Add(ann.Org)
		th, err := h.Create(ctx, ann, object.NewThread{Messages: []*object.Message{say("secret")}, Resources: object.ResourcesChange{VectorStores: []string{mine}}})
		if err != nil {
			t.Fatal(err)
		}
		all, _, err := h.Messages(ctx, ann, th.ID, "", store.Paging{})
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		id := all[0].ID
		for name, try := range map[string]func(who actor.Actor) error{
			"get":     func(who actor.Actor) error { _, err := h.Get(ctx, who, th.ID); return err },
			"update":  func(who actor.Actor) error { _, err := h.Update(ctx, who, th.ID, object.ThreadChange{}); return err },
			"delete":  func(who actor.Actor) error { return h.Delete(ctx, who, th.ID) },
			"add":     func(who actor.Actor) error { return h.Add(ctx, who, th.ID, say("x")) },
			"list":    func(who actor.Actor) error { _, _, err := h.Messages(ctx, who, th.ID, "", store.Paging{}); return err },
			"message": func(who actor.Actor) error { _, err := h.GetMessage(ctx, who, th.ID, id); return err },
			"change": func(who actor.Actor) error {
				_, err := h.SetMessageMetadata(ctx, who, th.ID, id, object.Metadata{})
				return err
			},
			"drop": func(who actor.Actor) error { return h.DeleteMessage(ctx, who, th.ID, id) },
			"runs": func(who actor.Actor) error { _, _, err := h.Runs(ctx, who, th.ID, store.Paging{}); return err },
			"store": func(who actor.Actor) error {
				_, err := h.Create(ctx, who, object.NewThread{Resources: object.ResourcesChange{VectorStores: []string{mine}}})
				return err
			},
		} {
			for _, who := range []actor.Actor{bob, {Org: ann.Org, Project: "proj_other"}} {
				if name == "store" && who.Org == ann.Org {
					continue // the fake knows organizations only
				}
				if err := try(who); fault.KindOf(err) != fault.NotFound {
					t.Errorf("%s as %s %s: %v", name, who.Org, who.Project, err)
				}
			}
		}
	})
}

func TestRefusedMessages(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	h := newHouse(t, db)
	th := newThread(t, h.Store)
	for name, c := range map[string]struct{ text, want string }{
		"empty": {" \n", "Message content must be non-empty."},
		"long":  {strings.Repeat("é", object.MaxText+1), "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a string with length 256001 instead."},
	} {
		if e := fault.As(h.Add(t.Context(), ann, th.ID, say(c.text))); e == nil || e.Message != c.want {
			t.Errorf("%s: %v", name, e)
		}
	}
	if err := h.Add(t.Context(), ann, th.ID, say(strings.Repeat("é", object.MaxText))); err != nil {
		t.Errorf("the longest message: %v", err)
	}
	if _, err := h.db.Exec(t.Context(), `UPDATE threads SET message_count = $1`, object.MaxMessages); err != nil {
		t.Fatal(err)
	}
	if e := fault.As(h.Add(t.Context(), ann, th.ID, say("one more"))); e == nil || e.Code != "too_many_messages" {
		t.Errorf("a full thread: %v", e)
	}
}

// BenchmarkThread adds messages to a thread and reads its newest page, where it is empty and where it has 99,000 messages.
func BenchmarkThread(b *testing.B) {
	db := storetest.Open(b, storetest.SQLite(b), store.Options{})
	h := newHouse(b, db)
	ctx := b.Context()
	for _, size := range []int{0, 99_000} {
		th, err := h.Create(ctx, ann, object.NewThread{})
		if err != nil {
			b.Fatal(err)
		}
		for done := 0; done < size; done += 1000 {
			batch := make([]*object.Message, 1000)
			for i := range batch {
				batch[i] = say("The quick brown fox jumps over the lazy dog.")
			}
			if err := db.Tx(ctx, func(tx *store.Tx) error { return h.Append(ctx, tx, ann, th.ID, batch...) }); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("add/%d", size), func(b *testing.B) {
			for range b.N {
				// Within the limit however long it runs.
				if _, err := db.Exec(ctx, `UPDATE threads SET message_count = $2 WHERE id = $1`, th.ID, size); err != nil {
					b.Fatal(err)
				}
				if err := h.Add(ctx, ann, th.ID, say("Hi")); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("page/%d", size), func(b *testing.B) {
			for range b.N {
				if _, _, err := h.Messages(ctx, ann, th.ID, "", store.Paging{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

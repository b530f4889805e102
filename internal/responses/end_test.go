package responses

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestEndNotWritten: a response of a request whose end could not be written down is told as an error, and ended by the next beat of the
// same server; while the request goes on, beats leave it alone.
func TestEndNotWritten(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		p, err := b.prepare(t.Context(), ann, request(t, `{"model": "m", "input": "Hi", "stream": true}`), "req_1")
		if err != nil {
			t.Fatal(err)
		}
		id, told := p.r.ID, ""
		e := &execution{s: b.Service, who: ann, p: p, tell: func(ev Event) error {
			told += ev.Type + " "
			if ev.Type != "response.in_progress" {
				return nil
			}
			if err := b.Recover(t.Context()); err != nil {
				t.Error(err)
			}
			// What stands where the answer is to stand keeps it from being written.
			_, err := db.Exec(t.Context(), `INSERT INTO response_items (response_id, position, id, org_id, project_id, output, item) VALUES ($1, 1, 'msg_x', 'org-a', 'proj_a', $2, '{}')`, id, true)
			return err
		}}
		if err := b.answer(t.Context(), e); err == nil || e.over {
			t.Errorf("%v after %s", err, told)
		}
		if !strings.Contains(told, "output_text.delta") || strings.Contains(told, "response.failed") || strings.Contains(told, "response.completed") {
			t.Errorf("the client was told %s", told)
		}
		if _, err := db.Exec(t.Context(), `DELETE FROM response_items WHERE id = 'msg_x'`); err != nil {
			t.Fatal(err)
		}
		if err := b.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.wait(id); got.Status != Failed || got.Error == nil || got.CompletedAt != nil {
			t.Errorf("%+v", got.Object)
		}
	})
}

// TestBeatWhileAResponseIsMade: a response that is in the database and not begun yet is not taken for one that nobody executes.
func TestBeatWhileAResponseIsMade(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		p, err := b.prepare(t.Context(), ann, request(t, `{"model": "m", "input": "Hi", "background": true, "stream": true}`), "req_1")
		if err != nil {
			t.Fatal(err)
		}
		// As enqueue does, with a beat in the middle.
		p.r.server = "srv_a"
		b.making.RLock()
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return b.insert(t.Context(), tx, &p.r) }); err != nil {
			t.Fatal(err)
		}
		asked, recovered := make(chan struct{}), make(chan error, 1)
		b.servers = beating{b.servers, asked}
		go func() { recovered <- b.Recover(context.Background()) }()
		<-asked
		h := b.start(ann, p)
		b.making.RUnlock()
		if err := <-recovered; err != nil {
			t.Fatal(err)
		}
		last := ""
		for after := -1; ; {
			evs, ok := h.after(t.Context(), after)
			if !ok {
				break
			}
			after, last = evs[len(evs)-1].Sequence, evs[len(evs)-1].Type
		}
		if last != "response.completed" {
			t.Errorf("the stream ends with %q", last)
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

// TestEventsWithoutAnEnd: a stream of a response that goes on elsewhere says so.
func TestEventsWithoutAnEnd(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		p, err := b.prepare(t.Context(), ann, request(t, `{"model": "m", "input": "Hi", "background": true, "stream": true}`), "req_1")
		if err != nil {
			t.Fatal(err)
		}
		p.r.server = "srv_a"
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return b.insert(t.Context(), tx, &p.r) }); err != nil {
			t.Fatal(err)
		}
		h := newHub()
		h.tell(Event{Type: "response.created", Response: &p.r.Object})
		h.close()
		r := httptest.NewRequest("GET", "/", nil)
		if err := (&API{Service: b.Service}).follow(httptest.NewRecorder(), r, ann, h, p.r.ID, -1); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%v", err)
		}
	})
}

// TestEventsNobodyCanRead: a response in the background that was made without stream keeps no events.
func TestEventsNobodyCanRead(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		for stream, want := range map[string]bool{"false": false, "true": true} {
			p, err := b.prepare(t.Context(), ann, request(t, `{"model": "m", "input": "Hi", "background": true, "stream": `+stream+`}`), "req_1")
			if err != nil {
				t.Fatal(err)
			}
			queued, h, err := b.enqueue(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.wait(queued.ID); got.Status != Completed {
				t.Fatalf("%+v", got.Object)
			}
			if _, any := h.after(t.Context(), -1); any != want {
				t.Errorf("stream %s: events kept: %v", stream, any)
			}
		}
	})
}

// TestContainersByIndex: a session of Code Interpreter is found without reading all responses of the project.
func TestContainersByIndex(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		if db.Dialect() != store.SQLite {
			return // the same statements; PostgreSQL reads tables of a few rows whole
		}
		for query, index := range map[string]string{containerOfConversation: "responses_conversation", containerOwner: "responses_container"} {
			plan, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (text string, err error) {
				var id, parent, unused int
				return text, row.Scan(&id, &parent, &unused, &text)
			}, `EXPLAIN QUERY PLAN `+query, "org-a", "proj_a", "x")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(plan, "\n"), index) {
				t.Errorf("%s\n%s", query, plan)
			}
		}
	})
}

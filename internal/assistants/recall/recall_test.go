package recall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var ann = actor.Actor{Org: "org-a", Project: "proj_a"}

// world is a thread and its memory.
type world struct {
	t      testing.TB
	db     *store.DB
	memory *Memory
	clock  *clock.Fake
	asked  int // tokens that the summarizer got and made
	folds  int
	said   int64
}

const id = "thread_test"

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	c := clock.NewFake(time.Date(2024, 4, 17, 0, 0, 0, 0, time.UTC))
	if _, err := db.Exec(t.Context(), `INSERT INTO threads (id, org_id, project_id, code_files, vector_store_id, own_store, metadata, message_count, next_position, created_at, updated_at, deleted_at)
		VALUES ($1, $2, $3, NULL, '', false, '{}', 0, 0, 0, 0, 0)`, id, ann.Org, ann.Project); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, db: db, memory: New(db, thread.NewStore(db, c), c), clock: c}
}

// say adds messages, by the user and the assistant in turn.
func (w *world) say(texts ...string) {
	w.t.Helper()
	var list []*object.Message
	for _, text := range texts {
		role := object.User
		if w.said%2 == 1 {
			role = object.AssistantRole
		}
		w.said++
		list = append(list, &object.Message{Role: role, Status: object.Completed, Content: []object.Part{{Type: object.TextPart, Text: &object.Text{Value: text}}}})
	}
	if err := w.db.Tx(w.t.Context(), func(tx *store.Tx) error {
		return w.memory.threads.Append(w.t.Context(), tx, ann, id, list...)
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) request(budget int) Request {
	return Request{ThreadID: id, Upto: w.said - 1, Budget: budget, Messages: w.said}
}

func (w *world) view(r Request) View {
	w.t.Helper()
	v, err := w.memory.View(w.t.Context(), w.db.Read(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// summarizer stands for a model: it answers with the last words that it got.
func (w *world) summarizer(_ context.Context, text string, most int) (string, error) {
	words := strings.Fields(text)
	summary := "So far: " + strings.Join(words[max(0, len(words)-most/3):], " ")
	w.asked += Tokens(text) + Tokens(summary)
	w.folds++
	return summary, nil
}

func (w *world) fold(budget int) bool {
	w.t.Helper()
	done, err := w.memory.Fold(w.t.Context(), ann, w.request(budget), w.summarizer)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func line(i int) string {
	return fmt.Sprintf("Message %d is about topic%d and what became of it in the meantime, in a few words.", i, i%97)
}

func TestShortThreadIsSeenWhole(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.say("one", "two", "three")
		v := w.view(w.request(1000))
		if len(v.Messages) != 3 || Text(&v.Messages[0]) != "one" || v.Summary != "" || v.Record.LeftOut != 0 || v.Record.Shown != 3 || v.Record.LastLeftOut != "" {
			t.Errorf("%+v", v)
		}
		if w.fold(1000) {
			t.Error("a thread that fits was summarized")
		}
		// The newest message is shown even when it is larger than the budget.
		if v := w.view(w.request(1)); len(v.Messages) != 1 || Text(&v.Messages[0]) != "three" || v.Record.LeftOut != 2 {
			t.Errorf("%+v", v.Record)
		}
		last := w.request(1000)
		last.Last = 2
		if v := w.view(last); len(v.Messages) != 2 || v.Record.LastLeftOut == "" {
			t.Errorf("%+v", v.Record)
		}
	})
}

// TestEndlessThread: the 10,000th message costs what the first costs whose thread already fills the window, in tokens and in rows; what
// was said long ago is found by its words.
func TestEndlessThread(t *testing.T) {
	const budget, messages, step = 900, 10_000, 10
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.say("The xylophone stands in the attic of the house in Busan.", "I will remember that.")
		type cost struct{ tokens, rows, folded, n int }
		var early, late cost
		for w.said < messages {
			var texts []string
			for i := range step {
				texts = append(texts, line(int(w.said)+i))
			}
			w.say(texts...)
			before := w.asked
			w.fold(budget)
			var c *cost
			switch {
			case w.said > 200 && w.said <= 1200:
				c = &early // the window is full from about the fiftieth on
			case w.said > messages-1000:
				c = &late
			default:
				continue
			}
			v := w.view(w.request(budget))
			if v.Record.Tokens > budget {
				t.Fatalf("%d tokens in a budget of %d", v.Record.Tokens, budget)
			}
			c.tokens += v.Record.Tokens
			c.rows += v.Record.Rows
			c.folded += w.asked - before
			c.n++
		}
		each := func(c cost) string {
			return fmt.Sprintf("%.0f tokens seen, %.0f tokens of summaries, %.1f rows", float64(c.tokens)/float64(c.n), float64(c.folded)/float64(c.n), float64(c.rows)/float64(c.n))
		}
		t.Logf("messages 200–1,200: %s; 9,000–10,000: %s", each(early), each(late))
		for what, pair := range map[string][2]int{"tokens": {early.tokens + early.folded, late.tokens + late.folded}, "rows": {early.rows, late.rows}} {
			if float64(pair[1])/float64(late.n) > 1.1*float64(pair[0])/float64(early.n) {
				t.Errorf("%s: %d early, %d late", what, pair[0], pair[1])
			}
		}
		// What was left out can be seen, and what was said 10,000 messages ago is found.
		w.say("Where does the xylophone stand?")
		v := w.view(w.request(budget))
		if !slices.ContainsFunc(v.Found, func(m object.Message) bool { return strings.Contains(Text(&m), "Busan") }) {
			t.Errorf("found %v", v.Record.Found)
		}
		if !strings.Contains(v.Recalled(), "attic") || !strings.Contains(v.Material(), "So far:") {
			t.Errorf("%s\n%s", v.Recalled(), v.Material())
		}
		if r := v.Record; r.LeftOut != w.said-int64(r.Shown) || r.Summary == "" || r.LastLeftOut == "" || r.FirstShown == "" || r.SummaryMissing != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestViewStaysTheSame: from run to run the view begins alike, so that the engine's prefix cache holds.
func TestViewStaysTheSame(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		moved := 0
		first, material := "", ""
		for i := range 200 {
			w.say(line(2*i), line(2*i+1))
			w.fold(900)
			v := w.view(w.request(900))
			if v.Messages[0].ID != first || v.Material() != material {
				moved++
			}
			first, material = v.Messages[0].ID, v.Material()
		}
		if moved > w.folds+1 || w.folds < 5 {
			t.Errorf("the beginning moved %d times with %d summaries", moved, w.folds)
		}
	})
}

func TestADeletedMessageTakesItsSummaryAlong(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for i := range 40 {
			w.say(line(2*i), line(2*i+1))
			w.fold(600)
		}
		ctx := t.Context()
		forget := func(position int64) string {
			if err := db.Tx(ctx, func(tx *store.Tx) error { return Forget(ctx, tx, id, position) }); err != nil {
				t.Fatal(err)
			}
			return w.view(w.request(600)).Summary
		}
		if forget(w.said-1) == "" {
			t.Error("the summary is gone, and the message was not in it")
		}
		if got := forget(0); got != "" {
			t.Errorf("the summary still says %q", got)
		}
		var n int
		if err := db.Read().QueryRow(ctx, `SELECT count(*) FROM thread_terms`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d words are kept, %v", n, err)
		}
	})
}

// TestTwoFolds: of two that fold at once one wins, and nothing is counted twice.
func TestTwoFolds(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for i := range 40 {
			w.say(line(2*i), line(2*i+1))
		}
		var inner bool
		done, err := w.memory.Fold(t.Context(), ann, w.request(600), func(ctx context.Context, text string, most int) (string, error) {
			inner = w.fold(600) // another server is quicker
			return w.summarizer(ctx, text, most)
		})
		if err != nil || done || !inner {
			t.Errorf("outer %v, inner %v, %v", done, inner, err)
		}
	})
}

func TestTerms(t *testing.T) {
	for text, want := range map[string]string{
		"What is the price of the blue-green bicycle in 2023?": "2023 bicycle green price blue",
		"東京都に住む":  "東京 京都 都に に住 住む",
		"a an of": "",
	} {
		got := terms(text, 10)
		wanted := strings.Fields(want)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%q gives %q, want %q", text, got, wanted)
		}
	}
}

// BenchmarkView is what a run reads of its thread: with 100 messages, whose window is full, and with 10,000.
func BenchmarkView(b *testing.B) {
	for _, messages := range []int64{100, 10_000} {
		b.Run(fmt.Sprint(messages), func(b *testing.B) {
			db := storetest.Open(b, storetest.SQLite(b), store.Options{})
			w := newWorld(b, db)
			for w.said < messages {
				w.say(line(int(w.said)), line(int(w.said)+1))
				if w.said%10 == 0 {
					w.fold(900)
				}
			}
			for b.Loop() {
				w.view(w.request(900))
			}
		})
	}
}

package retrieval

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/retrieval/lexical"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	alice = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-a"}
	bob   = actor.Actor{Org: "org-b", Project: "proj_b", User: "user-b"}
)

// wordsEmbedder is a fake embedding model: a vector has a place for each word, so that texts with the same words are near.
type wordsEmbedder struct {
	mu     sync.Mutex
	served string
	texts  []string                                        // all that it was asked for
	before func(ctx context.Context, texts []string) error // nil: nothing
}

func (e *wordsEmbedder) Embed(ctx context.Context, _ actor.Actor, req generate.EmbedRequest) (generate.Embedded, error) {
	e.mu.Lock()
	before := e.before
	e.texts = append(e.texts, req.Texts...)
	out := generate.Embedded{Admitted: generate.Admitted{Served: e.served}}
	e.mu.Unlock()
	if before != nil {
		if err := before(ctx, req.Texts); err != nil {
			return generate.Embedded{}, err
		}
	}
	for _, text := range req.Texts {
		out.Vectors = append(out.Vectors, wordsVector(text))
	}
	return out, nil
}

func wordsVector(text string) []float32 {
	v := make([]float32, 64)
	for _, w := range lexical.Words(text) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(w))
		v[h.Sum32()%64]++
	}
	var sum float64
	for _, x := range v {
		sum += float64(x * x)
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(max(sum, 1)))
	}
	return v
}

// alone is one server that lives.
type alone struct{}

func (alone) ID() string { return "srv_1" }
func (alone) Alive(context.Context, store.Q) (map[string]bool, error) {
	return map[string]bool{"srv_1": true}, nil
}

// world is a service with its surroundings.
type world struct {
	*Service
	t     *testing.T
	db    *store.DB
	files *files.Service
	embed *wordsEmbedder
	clock *clock.Fake
	jobs  *jobs.Jobs
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{t: t, db: db, embed: &wordsEmbedder{served: "words-1"}, clock: clock.NewFake(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC))}
	dir, err := blob.OpenDir(t.TempDir())
	w.must(err)
	log := slog.New(slog.DiscardHandler)
	w.files = files.NewService(files.Options{DB: db, Blobs: dir, Clock: w.clock, Logger: log, Servers: alone{}})
	w.open(dir)
	return w
}

func (w *world) open(blob.Store) {
	var err error
	w.jobs, err = jobs.New(w.t.Context(), w.db, jobs.Options{Logger: slog.New(slog.DiscardHandler)})
	w.must(err)
	w.Service = NewService(Options{
		DB: w.db, Clock: w.clock, Logger: slog.New(slog.DiscardHandler), Jobs: w.jobs, Files: w.files, Embed: w.embed, Read: documents.Read,
		Model: func() string { return "words" }, Memory: 1 << 20,
	})
	w.files.OnDelete(w.FileDeleted)
}

// start lets jobs run.
func (w *world) start() *world {
	w.must(w.jobs.Start(w.t.Context()))
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = w.jobs.Stop(ctx) // a test that failed may have left one waiting
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) upload(who actor.Actor, name, content string) string {
	w.t.Helper()
	f, err := w.files.Create(w.t.Context(), who, files.New{Name: name, Purpose: files.Assistants, Body: strings.NewReader(content)})
	w.must(err)
	return f.ID
}

// made makes a store of named texts and waits until they are read.
func (w *world) made(who actor.Actor, named ...string) Store {
	w.t.Helper()
	n := New{Name: "notes"}
	for i := 0; i < len(named); i += 2 {
		n.Files = append(n.Files, NewFile{FileID: w.upload(who, named[i], named[i+1]), Attributes: map[string]any{"number": float64(i / 2), "name": named[i]}})
	}
	v, err := w.Create(w.t.Context(), who, n)
	w.must(err)
	return w.ready(who, v.ID)
}

func (w *world) ready(who actor.Actor, id string) (v Store) {
	w.t.Helper()
	w.until(func() bool {
		var err error
		v, err = w.Get(w.t.Context(), who, id)
		w.must(err)
		return v.Status() != "in_progress"
	})
	return v
}

func (w *world) until(done func() bool) {
	w.t.Helper()
	for range 3000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("it did not happen within half a minute")
}

func (w *world) search(who actor.Actor, id, text string, f *Filter) []Hit {
	w.t.Helper()
	hits, err := w.Search(w.t.Context(), who, []string{id}, Query{Texts: []string{text}, Filter: f})
	w.must(err)
	return hits
}

func TestSearch(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db).start()
		v := w.made(alice, "cats.txt", "Cats sleep on warm roofs.", "dogs.md", "# Dogs\n\nDogs bark at the postman.", "seoul.txt", "서울은 대한민국의 수도이다. 한강이 흐른다.")
		if v.Counts != (Counts{Completed: 3, Total: 3}) || v.Bytes <= 0 || v.Status() != "completed" {
			t.Fatalf("%+v", v)
		}
		hits := w.search(alice, v.ID, "Who barks at a postman?", nil)
		if len(hits) == 0 || hits[0].Filename != "dogs.md" || hits[0].Text != "Dogs\n\nDogs bark at the postman." || hits[0].Score <= 0 || hits[0].Score > 1 {
			t.Fatalf("%+v", hits)
		}
		// A particle is another one in the question than in the text.
		if hits := w.search(alice, v.ID, "대한민국은 어디인가", nil); len(hits) == 0 || hits[0].Filename != "seoul.txt" {
			t.Fatalf("%+v", hits)
		}
		if hits := w.search(alice, v.ID, "postman cats", &Filter{Type: "lt", Key: "number", Value: 1.0}); len(hits) != 1 || hits[0].Filename != "cats.txt" {
			t.Fatalf("%+v", hits)
		}
		// The filter follows the attributes.
		if _, err := w.SetAttributes(t.Context(), alice, v.ID, hits[0].FileID, map[string]any{"number": -1.0}); err != nil {
			t.Fatal(err)
		}
		if hits := w.search(alice, v.ID, "postman cats", &Filter{Type: "lt", Key: "number", Value: 0.0}); len(hits) != 1 || hits[0].Filename != "dogs.md" {
			t.Fatalf("%+v", hits)
		}
		all, err := w.Search(t.Context(), alice, []string{v.ID}, Query{Texts: []string{"cats", "dogs"}, Max: 1})
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v %v", all, err)
		}
		some, err := w.Search(t.Context(), alice, []string{v.ID}, Query{Texts: []string{"cats sleep"}, Threshold: 0.99})
		if err != nil || len(some) != 0 {
			t.Fatalf("%+v %v", some, err)
		}
	})
}

func TestAnotherProjectsStoreIsNotFound(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db).start()
		v := w.made(alice, "secret.txt", "The password is swordfish.")
		own := w.made(bob, "own.txt", "Nothing to see.")
		file := w.upload(alice, "more.txt", "More.")
		ctx := t.Context()
		listed, _, err := w.ListFiles(ctx, alice, v.ID, "", store.Paging{})
		w.must(err)
		secret := listed[0].FileID
		for name, try := range map[string]func() error{
			"get":    func() error { _, err := w.Get(ctx, bob, v.ID); return err },
			"update": func() error { _, err := w.Update(ctx, bob, v.ID, Change{}); return err },
			"delete": func() error { return w.Delete(ctx, bob, v.ID) },
			"search": func() error {
				_, err := w.Search(ctx, bob, []string{own.ID, v.ID}, Query{Texts: []string{"password"}})
				return err
			},
			"files":      func() error { _, _, err := w.ListFiles(ctx, bob, v.ID, "", store.Paging{}); return err },
			"file":       func() error { _, err := w.File(ctx, bob, v.ID, secret); return err },
			"its file":   func() error { _, err := w.File(ctx, bob, own.ID, secret); return err },
			"content":    func() error { _, _, err := w.Content(ctx, bob, v.ID, secret); return err },
			"attributes": func() error { _, err := w.SetAttributes(ctx, bob, v.ID, secret, nil); return err },
			"detach":     func() error { return w.Detach(ctx, bob, v.ID, secret) },
			"attach":     func() error { _, err := w.Attach(ctx, bob, own.ID, NewFile{FileID: file}); return err },
			"into":       func() error { _, err := w.Attach(ctx, bob, v.ID, NewFile{FileID: file}); return err },
			"batch":      func() error { _, err := w.CreateBatch(ctx, bob, own.ID, []NewFile{{FileID: file}}); return err },
			"create":     func() error { _, err := w.Create(ctx, bob, New{Files: []NewFile{{FileID: file}}}); return err },
		} {
			if err := try(); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if hits := w.search(bob, own.ID, "password swordfish", nil); len(hits) > 0 && strings.Contains(hits[0].Text, "swordfish") {
			t.Errorf("%+v", hits)
		}
		stores, more, err := w.List(ctx, bob, store.Paging{})
		if err != nil || more || len(stores) != 1 || stores[0].ID != own.ID {
			t.Errorf("%+v %v", stores, err)
		}
	})
}

func TestWhatCannotBeReadFails(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db).start()
		v := w.made(alice, "empty.txt", " \n", "zeros.bin", "\x00\x01\x02\x03\xff\xfe\x00\x00", "good.txt", "Good.")
		if v.Counts != (Counts{Completed: 1, Failed: 2, Total: 3}) {
			t.Fatalf("%+v", v.Counts)
		}
		failed, _, err := w.ListFiles(t.Context(), alice, v.ID, Failed, store.Paging{Order: "asc"})
		w.must(err)
		for _, f := range failed {
			if f.Error == nil || f.Error.Message == "" || f.Error.Code != InvalidFile && f.Error.Code != UnsupportedFile || f.Bytes != 0 {
				t.Errorf("%s: %+v", f.Name, f.Error)
			}
			if _, _, err := w.Content(t.Context(), alice, v.ID, f.FileID); fault.KindOf(err) != fault.Invalid {
				t.Errorf("content of a failed file: %v", err)
			}
		}
		// Attached again it is tried again.
		f, err := w.Attach(t.Context(), alice, v.ID, NewFile{FileID: failed[0].FileID})
		if err != nil || f.Status != InProgress {
			t.Errorf("%+v %v", f, err)
		}
		w.ready(alice, v.ID)
	})
}

// An embedding that is refused for a reason that trying again does not help is told.
func TestQuotaFailsTheFile(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{})).start()
	w.embed.before = func(context.Context, []string) error {
		return fault.New(fault.Quota, "You exceeded your current quota.")
	}
	v := w.made(alice, "a.txt", "Words.")
	f, _, err := w.ListFiles(t.Context(), alice, v.ID, "", store.Paging{})
	w.must(err)
	if len(f) != 1 || f[0].Status != Failed || *f[0].Error != (FileError{ServerError, "You exceeded your current quota."}) {
		t.Fatalf("%+v", f)
	}
}

// long is a text of n paragraphs, each of which has words of its own.
func long(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Paragraph %d speaks of topic%d.", i, i)
		b.WriteString(strings.Repeat(" It goes on for quite a while so that it has some length.", 8))
		b.WriteString("\n\n")
	}
	return b.String()
}

// TestKilledInTheMiddle: a job that ends after each of its writes, as a killed process does, goes on where it was, and no chunk is
// there twice.
func TestKilledInTheMiddle(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db) // its jobs do not run: they are called by hand
		text := long(60)
		v, err := w.Create(t.Context(), alice, New{Files: []NewFile{{FileID: w.upload(alice, "long.txt", text), Chunking: Chunking{200, 100}}}})
		w.must(err)
		all, _, err := w.ListFiles(t.Context(), alice, v.ID, "", store.Paging{})
		w.must(err)
		killed := errors.New("killed")
		runs := 0
		for {
			ctx, cancel := context.WithCancelCause(t.Context())
			calls := 0
			w.embed.before = func(context.Context, []string) error {
				if calls++; calls > 1 { // the first call's chunks were written, then the end comes
					cancel(killed)
					return ctx.Err()
				}
				return nil
			}
			err := w.takeIn(ctx, all[0].id)
			cancel(nil)
			if runs++; runs > 100 {
				t.Fatal("it does not end")
			}
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if v, err := w.Get(t.Context(), alice, v.ID); err != nil || v.Status() != "in_progress" || len(w.search(alice, v.ID, "topic1", nil)) != 0 {
				t.Fatalf("half of a file: %+v %v", v, err)
			}
		}
		if runs < 3 {
			t.Fatalf("it was killed %d times only", runs-1)
		}
		seen := map[string]int{}
		for _, text := range w.embed.texts {
			seen[text]++
		}
		w.embed.before = nil
		f, texts, err := w.Content(t.Context(), alice, v.ID, all[0].FileID)
		w.must(err)
		if f.Chunks != len(texts) || len(texts) < 20 {
			t.Fatalf("%d chunks, %d texts", f.Chunks, len(texts))
		}
		once := map[string]bool{}
		for _, c := range texts {
			if once[c] {
				t.Errorf("a chunk is there twice: %.60q", c)
			}
			once[c] = true
		}
		for i := range 60 {
			if !strings.Contains(strings.Join(texts, "\n"), fmt.Sprintf("topic%d.", i)) {
				t.Errorf("paragraph %d is missing", i)
			}
		}
		if hits := w.search(alice, v.ID, "topic41", nil); len(hits) == 0 || !strings.Contains(hits[0].Text, "topic41") {
			t.Errorf("%+v", hits)
		}
		// Two at once, and one that comes late, change nothing.
		w.must(w.takeIn(t.Context(), all[0].id))
		if after, _, _ := w.Content(t.Context(), alice, v.ID, all[0].FileID); after.Chunks != f.Chunks || after.Bytes != f.Bytes {
			t.Errorf("%+v, before %+v", after, f)
		}
	})
}

func TestTwoReadersOfOneFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		v, err := w.Create(t.Context(), alice, New{Files: []NewFile{{FileID: w.upload(alice, "long.txt", long(40)), Chunking: Chunking{200, 100}}}})
		w.must(err)
		all, _, err := w.ListFiles(t.Context(), alice, v.ID, "", store.Paging{})
		w.must(err)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := w.takeIn(t.Context(), all[0].id); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		f, texts, err := w.Content(t.Context(), alice, v.ID, all[0].FileID)
		w.must(err)
		if f.Chunks != len(texts) || f.Status != Completed {
			t.Errorf("%+v, %d texts", f, len(texts))
		}
	})
}

func TestBatches(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db).start()
		v, err := w.Create(t.Context(), alice, New{})
		w.must(err)
		var all []NewFile
		for i := range 5 {
			all = append(all, NewFile{FileID: w.upload(alice, fmt.Sprintf("%d.txt", i), fmt.Sprintf("Number %d.", i))})
		}
		b, err := w.CreateBatch(t.Context(), alice, v.ID, all)
		w.must(err)
		if b.Counts.Total != 5 {
			t.Fatalf("%+v", b)
		}
		w.ready(alice, v.ID)
		if b, err = w.Batch(t.Context(), alice, v.ID, b.ID); err != nil || b.Status() != "completed" || b.Counts != (Counts{Completed: 5, Total: 5}) {
			t.Fatalf("%+v %v", b, err)
		}
		first, more, err := w.BatchFiles(t.Context(), alice, v.ID, b.ID, Completed, store.Paging{Limit: 3})
		if err != nil || !more || len(first) != 3 {
			t.Fatalf("%+v %v", first, err)
		}
		rest, more, err := w.BatchFiles(t.Context(), alice, v.ID, b.ID, "", store.Paging{Limit: 3, After: first[2].FileID})
		if err != nil || more || len(rest) != 2 {
			t.Fatalf("%+v %v", rest, err)
		}
		// One that cannot be attached undoes the others.
		if _, err := w.CreateBatch(t.Context(), alice, v.ID, []NewFile{{FileID: w.upload(alice, "x.txt", "X.")}, {FileID: "file-nothing"}}); fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		if v, _ := w.Get(t.Context(), alice, v.ID); v.Counts.Total != 5 {
			t.Errorf("%+v", v.Counts)
		}
		// Canceled while its files wait for the model.
		hold := make(chan struct{})
		w.embed.mu.Lock()
		w.embed.before = func(ctx context.Context, _ []string) error { <-hold; return nil }
		w.embed.mu.Unlock()
		slow, err := w.CreateBatch(t.Context(), alice, v.ID, []NewFile{{FileID: w.upload(alice, "slow.txt", "Slow.")}, all[0]})
		w.must(err)
		slow, err = w.CancelBatch(t.Context(), alice, v.ID, slow.ID)
		close(hold)
		if err != nil || slow.Status() != "cancelled" || slow.Counts != (Counts{Cancelled: 1, Completed: 1, Total: 2}) {
			t.Fatalf("%+v %v", slow, err)
		}
		if hits := w.search(alice, v.ID, "slow", &Filter{Type: "eq", Key: "a", Value: "b"}); len(hits) != 0 {
			t.Errorf("%+v", hits)
		}
	})
}

func TestExpiry(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db).start()
		v := w.made(alice, "a.txt", "Something to find.")
		days := 2
		v, err := w.Update(t.Context(), alice, v.ID, Change{ExpireDays: &days})
		w.must(err)
		if want := w.clock.Now().AddDate(0, 0, 2); !v.ExpiresAt.Equal(want) {
			t.Fatalf("%v, want %v", v.ExpiresAt, want)
		}
		w.clock.Advance(47 * time.Hour)
		if hits := w.search(alice, v.ID, "something", nil); len(hits) != 1 {
			t.Fatalf("%+v", hits)
		}
		w.clock.Advance(47 * time.Hour) // the search put it off
		w.must(w.Expire(t.Context()))
		if v, err = w.Get(t.Context(), alice, v.ID); err != nil || v.Status() != "completed" {
			t.Fatalf("%+v %v", v, err)
		}
		w.clock.Advance(2 * time.Hour)
		for range 2 { // before it is emptied and after
			if v, err = w.Get(t.Context(), alice, v.ID); err != nil || v.Status() != "expired" {
				t.Fatalf("%+v %v", v, err)
			}
			if _, err := w.Search(t.Context(), alice, []string{v.ID}, Query{Texts: []string{"something"}}); fault.KindOf(err) != fault.Invalid {
				t.Fatalf("search: %v", err)
			}
			if _, err := w.Attach(t.Context(), alice, v.ID, NewFile{FileID: w.upload(alice, "b.txt", "B.")}); fault.KindOf(err) != fault.Invalid {
				t.Fatalf("attach: %v", err)
			}
			w.must(w.Expire(t.Context()))
			w.until(func() bool {
				v, err := w.Get(t.Context(), alice, v.ID)
				return err == nil && v.Counts.Total == 0 && v.Bytes == 0
			})
		}
	})
}

func TestDeleting(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db).start()
		v := w.made(alice, "a.txt", "Alpha words.", "b.txt", "Beta words.")
		all, _, err := w.ListFiles(t.Context(), alice, v.ID, "", store.Paging{Order: "asc"})
		w.must(err)
		if len(w.search(alice, v.ID, "words", nil)) != 2 {
			t.Fatal("both are there")
		}
		w.must(w.Detach(t.Context(), alice, v.ID, all[0].FileID))
		if hits := w.search(alice, v.ID, "words", nil); len(hits) != 1 || hits[0].FileID != all[1].FileID {
			t.Fatalf("%+v", hits)
		}
		w.must(w.files.Delete(t.Context(), alice, all[1].FileID))
		if hits := w.search(alice, v.ID, "words", nil); len(hits) != 0 {
			t.Fatalf("%+v", hits)
		}
		if _, err := w.File(t.Context(), alice, v.ID, all[1].FileID); fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		other := w.made(alice, "c.txt", "Gamma words.")
		w.must(w.Delete(t.Context(), alice, other.ID))
		if _, err := w.Get(t.Context(), alice, other.ID); fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		w.until(func() bool {
			var n int
			w.must(db.Read().QueryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM vector_store_chunks) + (SELECT COUNT(*) FROM vector_stores WHERE state = 'deleted')`).Scan(&n))
			return n == 0
		})
	})
}

// TestOtherModel: vectors of two models are never compared.
func TestOtherModel(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{})).start()
	v := w.made(alice, "a.txt", "Alpha beta gamma.")
	w.embed.mu.Lock()
	w.embed.served = "words-2"
	w.embed.mu.Unlock()
	only := &Weights{Vectors: 1}
	hits, err := w.Search(t.Context(), alice, []string{v.ID}, Query{Texts: []string{"alpha beta gamma"}, Weights: only})
	if err != nil || len(hits) != 0 {
		t.Errorf("%+v %v", hits, err)
	}
	if hits := w.search(alice, v.ID, "alpha", nil); len(hits) != 1 {
		t.Errorf("by words it is found: %+v", hits)
	}
}

// TestIndexMemory: more stores than memory has room for are searched all the same.
func TestIndexMemory(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{})).start()
	w.cache.limit = 1
	a, b := w.made(alice, "a.txt", "Alpha."), w.made(alice, "b.txt", "Beta.")
	for range 3 {
		if len(w.search(alice, a.ID, "alpha", nil)) != 1 || len(w.search(alice, b.ID, "beta", nil)) != 1 {
			t.Fatal("not found")
		}
		if n := len(w.cache.stores); n != 1 {
			t.Fatalf("%d indexes in memory", n)
		}
	}
	if both, err := w.Search(t.Context(), alice, []string{a.ID, b.ID}, Query{Texts: []string{"alpha beta"}}); err != nil || len(both) != 2 {
		t.Fatalf("%+v %v", both, err)
	}
}

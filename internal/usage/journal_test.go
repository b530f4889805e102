package usage

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func journaled(t *testing.T, db *store.DB, dir string, log *slog.Logger) *Log {
	t.Helper()
	l, err := New(context.Background(), Options{DB: db, Clock: clock.NewFake(begin), Logger: log, Prices: list{}, Journal: dir})
	must(t, err)
	return l
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	return names
}

// TestJournal: what stands in a journal and not in the database when a process dies is written at the next start, once,
// with all its figures, and is in the sums; a file of which every row is in the database is removed.
func TestJournal(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	dir := filepath.Join(t.TempDir(), "usage")
	silent := slog.New(slog.DiscardHandler)
	first := journaled(t, db, dir, silent)
	row := Row{Op: "chat", Model: "gpt-4", Served: "m", Requests: 2, Prompt: 10, Cached: 4, Completion: 3, Status: 200, FirstToken: 250 * time.Millisecond}
	for i := range 10 {
		served(t, first, first.clock, t.Context(), func(w http.ResponseWriter, r *http.Request) error {
			first.Record(r.Context(), who, row)
			if i == 9 {
				return fault.New(fault.Unavailable, "Gone.").WithCode("gone")
			}
			return httpapi.JSON(w, 200, true)
		})
		if i == 5 {
			must(t, first.Flush(t.Context())) // the others are in the file alone when the process dies
		}
	}
	left := files(t, dir)
	if len(left) != 1 {
		t.Fatalf("files %v", left)
	}
	data, err := os.ReadFile(left[0])
	must(t, err)
	must(t, first.Close(t.Context()))
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("after Close there are %v", got)
	}
	// As kill -9 in the middle of a record leaves it: the rows after the sixth are not in the database.
	_, err = db.Exec(t.Context(), `DELETE FROM usage_requests WHERE id > $1`, firstID(1)+5)
	must(t, err)
	_, err = db.Exec(t.Context(), `DELETE FROM usage_rollups`)
	must(t, err)
	_, err = db.Exec(t.Context(), `UPDATE usage_writers SET rolled = $1 WHERE id = 1`, firstID(1)-1)
	must(t, err)
	must(t, os.WriteFile(left[0], append(data, data[:20]...), 0o600))

	second := journaled(t, db, dir, silent)
	must(t, second.adopt(t.Context()))
	const want = "org-a 12:00 x/gpt-4/failed 1/2 10(4)+3 420000!0 1\norg-a 12:00 x/gpt-4/ok 9/18 90(36)+27 3780000!0 9"
	if got := summed(t, db, Minute); got != want {
		t.Errorf("sums\n%s\nwant\n%s", got, want)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("files that were read stay: %v", got)
	}
	page, _, err := second.Requests(t.Context(), who, Filter{From: begin.Add(-time.Hour), To: begin.Add(time.Hour)}, 0, 1)
	must(t, err)
	if got := fmt.Sprint(page[0].Status, page[0].Code, page[0].FirstToken, page[0].Served, page[0].Class, page[0].Actor.Key); got != "503gone250msmcompletionskey_a" {
		t.Errorf("the last row: %s", got)
	}
	must(t, second.Close(t.Context()))
}

// TestJournalSegments: files are ended when they are full, and removed when their rows are in the database.
func TestJournalSegments(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	dir := t.TempDir()
	l := journaled(t, db, dir, slog.New(slog.DiscardHandler))
	for range 6000 {
		l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Status: 200})
	}
	must(t, l.Flush(t.Context()))
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("with all rows in the database there are %d files, want the one that is being written", len(got))
	}
	must(t, l.Close(t.Context()))
	if got := summed(t, db, Day); !strings.HasPrefix(got, "org-a 00:00 chat/gpt-4/ok 6000/") {
		t.Error(got)
	}
}

// TestJournalOnAFullDisk: rows that the file does not take are written to the database all the same, and logged.
func TestJournalOnAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	var out bytes.Buffer
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	l := journaled(t, db, t.TempDir(), slog.New(slog.NewTextHandler(&out, nil)))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	l.journal.current = &segment{file: full, open: 1} // open: it is not this test's to remove
	l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 12, Status: 200})
	l.Record(t.Context(), who, Row{Op: "chat", Model: "gpt-4", Prompt: 1, Status: 200})
	must(t, l.Close(t.Context()))
	if s := out.String(); strings.Count(s, "not in the database yet") != 1 || !strings.Contains(s, "prompt_tokens=12") {
		t.Errorf("log: %s", s)
	}
	if got := summed(t, db, Day); !strings.HasPrefix(got, "org-a 00:00 chat/gpt-4/ok 2/0 13(0)") {
		t.Error(got)
	}
}

func BenchmarkJournal(b *testing.B) {
	l, err := New(b.Context(), Options{DB: storetest.Open(b, storetest.SQLite(b), store.Options{}), Clock: clock.System, Logger: slog.New(slog.DiscardHandler), Prices: list{}, Journal: b.TempDir()})
	must(b, err)
	defer func() { _ = l.Close(context.Background()) }() // the benchmark is over
	b.ReportAllocs()
	for b.Loop() {
		e := &event{who: who, class: Completions, row: Row{Op: "chat", Model: "gpt-4", Prompt: 12}}
		l.Enter(b.Context(), httpapi.Line{Actor: who, Op: "createChatCompletion", Status: 200, Notes: []any{e}})
		if l.next%10000 == 0 {
			must(b, l.Flush(b.Context())) // or the buffer would be full
		}
	}
}

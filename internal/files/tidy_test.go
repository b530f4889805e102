package files

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestTidyReadsOpenContentsOnly: what is asked every few seconds is answered from the index of the contents that are no files, however
// many files there are.
func TestTidyReadsOpenContentsOnly(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		if db.Dialect() != store.SQLite {
			return // PostgreSQL sees by itself that the index has what is asked for
		}
		for query, args := range map[string][]any{writersQuery: nil, doomedQuery: {batch}} {
			plan, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (text string, err error) {
				var id, parent, unused int
				return text, row.Scan(&id, &parent, &unused, &text)
			}, `EXPLAIN QUERY PLAN `+query, args...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(plan, "\n"), "file_blobs_open") {
				t.Errorf("%s\n%s", query, plan)
			}
		}
	})
}

// stubborn is a store of contents that does not let go of one of them.
type stubborn struct {
	blob.Store
	key string
	let []string
}

func (s *stubborn) Delete(_ context.Context, key string) error {
	if key == s.key {
		return errors.New("kept by a legal hold")
	}
	s.let = append(s.let, key)
	return nil
}

// nobody is servers of which none lives.
type nobody struct{}

func (nobody) ID() string { return "srv_1" }
func (nobody) Alive(context.Context, store.Q) (map[string]bool, error) {
	return map[string]bool{}, nil
}

// TestTidyGoesOn: a content that cannot be removed is said, and keeps none of the others.
func TestTidyGoesOn(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		blobs := &stubborn{key: "files/b"}
		s := NewService(Options{DB: db, Blobs: blobs, Clock: clock.System, Logger: slog.New(slog.DiscardHandler), Servers: nobody{}})
		for _, key := range []string{"files/a", "files/b", "files/c"} {
			if err := s.announce(t.Context(), "org-1", key); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Tidy(t.Context()); err == nil {
			t.Error("nothing was said of the content that stays")
		}
		if slices.Sort(blobs.let); !slices.Equal(blobs.let, []string{"files/a", "files/c"}) {
			t.Errorf("removed: %v", blobs.let)
		}
	})
}

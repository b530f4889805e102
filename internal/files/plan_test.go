package files

import (
	"strings"
	"testing"

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

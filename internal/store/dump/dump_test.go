package dump_test

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/parley-ai/parley/internal/backup"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/dump"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func TestRowsComeBackAsTheyWere(t *testing.T) {
	rows := [][]any{
		{int64(math.MinInt64), "", true, []byte{}, nil},
		{int64(-1), "바람\x00\xff", false, []byte{0, 255}, math.Inf(-1)},
	}
	var data []byte
	for _, row := range rows {
		var err error
		if data, err = dump.AppendRow(data, row); err != nil {
			t.Fatal(err)
		}
	}
	if got, rest, err := dump.Rows(data, 5, 10); err != nil || !reflect.DeepEqual(got, rows) || len(rest) > 0 {
		t.Errorf("%v, %v, %v", got, rest, err)
	}
	first, rest, err := dump.Rows(data, 5, 1)
	if err != nil || !reflect.DeepEqual(first, rows[:1]) {
		t.Errorf("the first row: %v, %v", first, err)
	}
	if second, rest, err := dump.Rows(rest, 5, 1); err != nil || !reflect.DeepEqual(second, rows[1:]) || len(rest) > 0 {
		t.Errorf("the second row: %v, %v, %v", second, rest, err)
	}
	for end := range len(data) {
		if got, _, err := dump.Rows(data[:end], 5, 10); err == nil && len(got) > 1 {
			t.Errorf("%d of %d bytes are %d rows", end, len(data), len(got))
		}
	}
	if _, err := dump.AppendRow(nil, []any{struct{}{}}); err == nil {
		t.Error("anything is a value")
	}
}

// TestEveryTableIsCarried: a table that a migration makes is in a snapshot, unless there is a reason. The two databases
// have the same tables with the same columns, so that rows go from one to the other.
func TestEveryTableIsCarried(t *testing.T) {
	known := map[string][]dump.Table{}
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		if err := jobs.Prepare(t.Context(), db, nil); err != nil {
			t.Fatal(err)
		}
		snap, err := dump.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		tables, err := snap.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		query := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'`
		if db.Dialect() == store.Postgres {
			query = `SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`
		}
		n := 0
		for row, err := range snap.Rows(t.Context(), query) {
			if err != nil {
				t.Fatal(err)
			}
			name := row[0].(string)
			carried := slices.ContainsFunc(tables, func(t dump.Table) bool { return t.Name == name })
			tool := name == "goose_db_version" || len(name) > 6 && name[:6] == "river_"
			if carried == tool {
				t.Errorf("%s: carried %v, a tool's own %v", name, carried, tool)
			}
			n++
		}
		if n < 20 || len(tables) < 15 {
			t.Errorf("%d tables, %d carried: the test looks at nothing", n, len(tables))
		}
		for name := range backup.Left {
			if !slices.ContainsFunc(tables, func(t dump.Table) bool { return t.Name == name }) {
				t.Errorf("%s is left out and does not exist", name)
			}
		}
		for i := range tables {
			slices.SortFunc(tables[i].Columns, func(a, b dump.Column) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
		}
		known[string(db.Dialect())] = tables
	})
	if len(known) == 2 && !reflect.DeepEqual(known["sqlite"], known["postgres"]) {
		t.Errorf("the databases differ:\n%v\n%v", known["sqlite"], known["postgres"])
	}
}

func FuzzRows(f *testing.F) {
	row, err := dump.AppendRow(nil, []any{int64(1), "a", true, []byte("b"), nil, 1.5})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row, 6)
	f.Add([]byte("s\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1)
	f.Fuzz(func(t *testing.T, data []byte, width int) {
		rows, _, err := dump.Rows(data, width%100, len(data)+1)
		if err != nil {
			return
		}
		var again []byte
		for _, row := range rows {
			if again, err = dump.AppendRow(again, row); err != nil {
				t.Fatal(err)
			}
		}
		if back, _, err := dump.Rows(again, width%100, len(again)+1); err != nil || len(back) != len(rows) {
			t.Errorf("%v became %v: %v", rows, back, err)
		}
	})
}

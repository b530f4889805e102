package store_test

import (
	"context"
	"testing"

	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func TestMeasure(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		f, err := db.Measure(t.Context())
		if err != nil || f.Size == 0 || f.Read <= 0 || f.Write <= 0 || f.Migration < 150 || f.Version == "" || (f.WAL > 0) != (db.Dialect() == store.SQLite) {
			t.Errorf("%+v %v", f, err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := db.Measure(gone); err == nil {
			t.Error("a database that does not answer was measured")
		}
	})
}

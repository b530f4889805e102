package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestCompact: a table is not written anew while somebody reads it for long, as a backup does, and who comes next does not wait for that one.
func TestCompact(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		if done, err := db.Compact(t.Context(), "meta"); err != nil || !done {
			t.Fatalf("%v %v", done, err)
		}
		if db.Dialect() != store.Postgres {
			return
		}
		over := errors.New("the backup is over")
		reads, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- db.Tx(context.WithoutCancel(t.Context()), func(tx *store.Tx) error {
				var n int
				if err := tx.QueryRow(context.WithoutCancel(t.Context()), `SELECT COUNT(*) FROM meta`).Scan(&n); err != nil {
					return err
				}
				close(reads)
				<-end
				return over
			})
		}()
		<-reads
		if done, err := db.Compact(t.Context(), "meta"); err != nil || done {
			t.Errorf("behind a reader: %v %v", done, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var n int
		if err := db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM meta`).Scan(&n); err != nil {
			t.Errorf("the next reader: %v", err)
		}
		close(end)
		if err := <-ended; !errors.Is(err, over) {
			t.Error(err)
		}
		if done, err := db.Compact(t.Context(), "meta"); err != nil || !done {
			t.Errorf("afterwards: %v %v", done, err)
		}
		// The connection went back without its short patience.
		var patience string
		if err := db.Read().QueryRow(t.Context(), `SHOW lock_timeout`).Scan(&patience); err != nil || patience != "0" {
			t.Errorf("%s %v", patience, err)
		}
	})
}

package usage

import (
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestMonthsMadeAtOnce: servers and jobs that find a month without a partition together all go on. A row whose transaction failed
// for that would be lost.
func TestMonthsMadeAtOnce(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), store.Options{})
	for i := range 10 {
		month := time.Date(2030, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := db.Tx(t.Context(), func(tx *store.Tx) error { return addMonth(t.Context(), tx, month) }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

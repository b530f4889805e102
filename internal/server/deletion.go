package server

import (
	"context"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/deletion"
	"github.com/parley-ai/parley/internal/retention"
	"github.com/parley-ai/parley/internal/store"
)

// openDeletion lets organizations and accounts be deleted, with what packages keep of them besides rows.
func (s *Server) openDeletion(clk clock.Clock) {
	s.deletion = deletion.New(deletion.Options{
		DB: s.db, Clock: clk, Logger: s.log, Jobs: s.jobs, Identity: s.identity, Confirm: s.signin.Prove, Settle: s.usage.Flush,
		Others: []deletion.Forgetter{s.billing, bodies{s.keeper}, s.files},
	})
}

// bodies are those that are kept for review. Their rows are emptied with all others; the keys that open them end at once.
type bodies struct{ *retention.Service }

func (b bodies) Forget(ctx context.Context, tx *store.Tx, org string) (map[string]int64, error) {
	return nil, b.Service.Forget(ctx, tx, org)
}

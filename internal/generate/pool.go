package generate

import (
	"context"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/pool"
)

// FromPool makes a Pool of the engine's pool.
func FromPool(p *pool.Pool) Pool { return leaser{p} }

type leaser struct{ pool *pool.Pool }

func (l leaser) Use(ctx context.Context, spec engine.Spec) (engine.Backend, func(), error) {
	lease, err := l.pool.Use(ctx, spec, nil)
	if err != nil {
		return nil, nil, err
	}
	return lease.Backend(), lease.Release, nil
}

package generatetest

import (
	"context"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/pool"
)

// leaser makes a generate.Pool of the engine's pool.
type leaser struct{ pool *pool.Pool }

func (l leaser) Use(ctx context.Context, spec engine.Spec) (engine.Backend, func(), error) {
	lease, err := l.pool.Use(ctx, spec, nil)
	if err != nil {
		return nil, nil, err
	}
	return lease.Backend(), lease.Release, nil
}

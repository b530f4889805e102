package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/parley-ai/parley/internal/store"
)

// Carried are the columns of jobs that are due or to come, as a backup keeps them: the same for both databases, whose own
// forms differ. args, metadata and tags are JSON; scheduled_at is in milliseconds.
var Carried = []string{"kind", "args", "queue", "priority", "max_attempts", "scheduled_at", "metadata", "tags"}

// CarryQuery selects the jobs that are due or to come. A running one is due again wherever it is restored.
func CarryQuery(d store.Dialect) string {
	columns := `kind, json(args), queue, priority, max_attempts, CAST(unixepoch(scheduled_at, 'subsec') * 1000 AS INTEGER), json(metadata), json(tags)`
	if d == store.Postgres {
		columns = `kind, args::text, queue, priority, max_attempts, (EXTRACT(EPOCH FROM scheduled_at) * 1000)::BIGINT, metadata::text, array_to_json(tags)::text`
	}
	return `SELECT ` + columns + ` FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled') ORDER BY id`
}

// Prepare makes River's tables, or brings them up to date. A nil log is slog.Default().
func Prepare(ctx context.Context, db *store.DB, log *slog.Logger) error {
	if log == nil {
		log = slog.Default()
	}
	if err := (&Jobs{db: db, log: log}).migrate(ctx); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

// Carry enqueues jobs that CarryQuery gave, of another database perhaps. Their attempts are counted anew.
func Carry(ctx context.Context, db *store.DB, tx *store.Tx, rows [][]any) error {
	values := `($1, json($2), $3, $4, $5, strftime('%Y-%m-%d %H:%M:%f', $6 / 1000.0, 'unixepoch'), json($7), json($8), 'available')`
	if db.Dialect() == store.Postgres {
		values = `($1, $2::jsonb, $3, $4, $5, to_timestamp($6::BIGINT / 1000.0), $7::jsonb, ARRAY(SELECT json_array_elements_text($8::json)), 'available')`
	}
	for _, row := range rows {
		if _, err := tx.Exec(ctx, `INSERT INTO river_job (kind, args, queue, priority, max_attempts, scheduled_at, metadata, tags, state) VALUES `+values, row...); err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
	}
	return nil
}

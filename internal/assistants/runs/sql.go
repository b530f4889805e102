package runs

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/store"
)

// open is the condition of the index thread_runs_active in its own words: SQLite looks into it for no others.
const open = `status IN ('queued', 'in_progress', 'requires_action', 'cancelling')`

// What every beat asks.
const (
	executingQuery = `SELECT id, COALESCE(server_id, '') FROM thread_runs WHERE ` + open + ` AND status <> 'requires_action' ORDER BY created_at, id`
	overdueQuery   = `SELECT id FROM thread_runs WHERE ` + open + ` AND status = 'requires_action' AND expires_at <= $1 ORDER BY expires_at, id`
)

// hold takes the turn to write a run that this server executes, and returns its status. errLost says that it is not this server's any more.
func (s *Service) hold(ctx context.Context, tx *store.Tx, id string) (status string, err error) {
	err = tx.QueryRow(ctx, `UPDATE thread_runs SET updated_at = updated_at WHERE id = $1 AND server_id = $2 RETURNING status`, id, s.servers.ID()).Scan(&status)
	if errors.Is(err, store.ErrNoRows) {
		return "", errLost
	}
	return status, err
}

// take makes a run this server's, when it is still server's (empty is nobody's) and in one of the statuses that are executed.
func (s *Service) take(ctx context.Context, tx *store.Tx, id, server string) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE thread_runs SET server_id = $2 WHERE id = $1 AND COALESCE(server_id, '') = $3 AND status IN ('queued', 'in_progress', 'cancelling')`,
		id, s.servers.ID(), server)
	return n > 0, err
}

// release gives a run back that this server does not go on with, for others to take.
func (s *Service) release(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE thread_runs SET server_id = NULL WHERE id = $1 AND server_id = $2`, id, s.servers.ID())
	return err
}

// executed is a run that some server executes.
type executed struct{ id, server string }

// executing lists the runs that are being executed, or should be.
func (s *Service) executing(ctx context.Context) ([]executed, error) {
	return store.Collect(ctx, s.db.Read(), func(row store.Scanner) (e executed, err error) {
		return e, row.Scan(&e.id, &e.server)
	}, executingQuery)
}

// overdue lists runs that have waited too long for outputs.
func (s *Service) overdue(ctx context.Context, now time.Time) ([]string, error) {
	return store.Collect(ctx, s.db.Read(), func(row store.Scanner) (id string, err error) {
		return id, row.Scan(&id)
	}, overdueQuery, store.Millis(now))
}

// lock takes the turn to change a run that this server may not execute. Read the run after it.
func lock(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `UPDATE thread_runs SET updated_at = updated_at WHERE id = $1`, id)
	return err
}

// drop removes a step that was begun in a turn that is made again without it.
func drop(ctx context.Context, tx *store.Tx, t *object.Step) error {
	if _, err := tx.Exec(ctx, `DELETE FROM thread_run_steps WHERE id = $1`, t.ID); err != nil || t.Details.MessageID == "" {
		return err
	}
	n, err := tx.Exec(ctx, `DELETE FROM thread_messages WHERE thread_id = $1 AND id = $2`, t.ThreadID, t.Details.MessageID)
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE threads SET message_count = message_count - 1 WHERE id = $1`, t.ThreadID)
	return err
}

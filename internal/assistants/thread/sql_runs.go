package thread

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	runColumns = "id, org_id, project_id, thread_id, assistant_id, status, model, instructions, tools, files, resources, metadata, temperature, top_p, " +
		"max_prompt_tokens, max_completion_tokens, truncation, tool_choice, parallel_tool_calls, response_format, reasoning_effort, required_action, last_error, " +
		"incomplete, usage, created_at, expires_at, started_at, cancelled_at, failed_at, completed_at, updated_at, server_id, actor, cursor"
	stepColumns = "id, org_id, project_id, run_id, thread_id, assistant_id, position, type, status, details, last_error, usage, metadata, context, " +
		"created_at, expired_at, cancelled_at, failed_at, completed_at"
	active = "status IN ('queued', 'in_progress', 'requires_action', 'cancelling')"
)

func scanRun(row store.Scanner) (r object.Run, err error) {
	var created, expires, started, cancelled, failed, completed, updated int64
	var server *string
	err = row.Scan(&r.ID, &r.Org, &r.Project, &r.ThreadID, &r.AssistantID, &r.Status, &r.Model, &r.Instructions, store.JSON(&r.Tools), store.JSON(&r.Files),
		store.JSON(&r.Resources), store.JSON(&r.Metadata), &r.Temperature, &r.TopP, &r.MaxPromptTokens, &r.MaxCompletionTokens, store.JSON(&r.Truncation),
		store.JSON(&r.ToolChoice), &r.Parallel, store.JSON(&r.ResponseFormat), &r.ReasoningEffort, store.JSON(&r.Required), store.JSON(&r.LastError), &r.Why,
		store.JSON(&r.Usage), &created, &expires, &started, &cancelled, &failed, &completed, &updated, &server, raw(&r.Actor), raw(&r.Cursor))
	r.Created, r.Expires, r.Started, r.CancelledAt = store.Time(created), store.Time(expires), store.Time(started), store.Time(cancelled)
	r.FailedAt, r.CompletedAt, r.Updated = store.Time(failed), store.Time(completed), store.Time(updated)
	if server != nil {
		r.Server = *server
	}
	return r, err
}

func scanStep(row store.Scanner) (t object.Step, err error) {
	var created, expired, cancelled, failed, completed int64
	err = row.Scan(&t.ID, &t.Org, &t.Project, &t.RunID, &t.ThreadID, &t.AssistantID, &t.Position, &t.Type, &t.Status, store.JSON(&t.Details), store.JSON(&t.LastError),
		store.JSON(&t.Usage), store.JSON(&t.Metadata), raw(&t.Context), &created, &expired, &cancelled, &failed, &completed)
	t.Created, t.ExpiredAt, t.CancelledAt = store.Time(created), store.Time(expired), store.Time(cancelled)
	t.FailedAt, t.CompletedAt = store.Time(failed), store.Time(completed)
	return t, err
}

// raw is a column of JSON whose members another package knows.
func raw(v *jsontext.Value) store.JSONColumn { return store.JSON((*json.RawMessage)(v)) }

// null writes an empty text as NULL.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Active returns the id of the thread's active run, or "".
func (s *Store) Active(ctx context.Context, q store.Q, threadID string) (id string, err error) {
	err = q.QueryRow(ctx, `SELECT id FROM thread_runs WHERE thread_id = $1 AND `+active, threadID).Scan(&id)
	if errors.Is(err, store.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// InsertRun adds a run to a thread that the caller has locked, and gives it its id and times where it has none. When the thread has an
// active run and the new one would be active too, it is refused in the original's words.
func (s *Store) InsertRun(ctx context.Context, tx *store.Tx, who actor.Actor, r *object.Run) error {
	if object.Active(r.Status) {
		switch other, err := s.Active(ctx, tx, r.ThreadID); {
		case err != nil:
			return err
		case other != "":
			return fault.New(fault.Invalid, "Thread %s already has an active run %s.", r.ThreadID, other)
		}
	}
	if r.ID == "" {
		r.ID = ids.New(object.RunID)
	}
	if r.Created.IsZero() {
		r.Created = s.now()
	}
	r.Org, r.Project = who.Org, who.Project
	r.Updated = s.now()
	_, err := tx.Exec(ctx, `INSERT INTO thread_runs (`+runColumns+`) VALUES (`+store.Placeholders(1, 35)+`)`,
		r.ID, r.Org, r.Project, r.ThreadID, r.AssistantID, r.Status, r.Model, r.Instructions, store.JSON(list(r.Tools)), store.JSON(list(r.Files)),
		store.JSON(r.Resources), store.JSON(metadata(r.Metadata)), r.Temperature, r.TopP, r.MaxPromptTokens, r.MaxCompletionTokens, store.JSON(r.Truncation),
		store.JSON(r.ToolChoice), r.Parallel, store.JSON(r.ResponseFormat), r.ReasoningEffort, store.JSON(r.Required), store.JSON(r.LastError), r.Why,
		store.JSON(r.Usage), store.Millis(r.Created), store.Millis(r.Expires), store.Millis(r.Started), store.Millis(r.CancelledAt), store.Millis(r.FailedAt),
		store.Millis(r.CompletedAt), store.Millis(r.Updated), null(r.Server), raw(&r.Actor), raw(&r.Cursor))
	return err
}

// UpdateRun writes how far a run is; its metadata are the caller's to change. was is the status that it must have had; another one, since
// somebody changed it meanwhile, leaves it as it is.
func (s *Store) UpdateRun(ctx context.Context, tx *store.Tx, r *object.Run, was string) (done bool, err error) {
	r.Updated = s.now()
	n, err := tx.Exec(ctx, `UPDATE thread_runs SET status = $3, required_action = $4, last_error = $5, incomplete = $6, usage = $7, expires_at = $8, started_at = $9,
		cancelled_at = $10, failed_at = $11, completed_at = $12, updated_at = $13, server_id = $14, actor = $15, cursor = $16 WHERE id = $1 AND status = $2`,
		r.ID, was, r.Status, store.JSON(r.Required), store.JSON(r.LastError), r.Why, store.JSON(r.Usage), store.Millis(r.Expires), store.Millis(r.Started),
		store.Millis(r.CancelledAt), store.Millis(r.FailedAt), store.Millis(r.CompletedAt), store.Millis(r.Updated), null(r.Server), raw(&r.Actor), raw(&r.Cursor))
	return n > 0, err
}

// Run reads a run of a thread that the caller has found to be the actor's.
func (s *Store) Run(ctx context.Context, q store.Q, threadID, id string) (object.Run, error) {
	if !ids.Valid(object.RunID, id) {
		return object.Run{}, notFound("run", id)
	}
	r, err := scanRun(q.QueryRow(ctx, `SELECT `+runColumns+` FROM thread_runs WHERE thread_id = $1 AND id = $2`, threadID, id))
	if errors.Is(err, store.ErrNoRows) {
		return r, notFound("run", id)
	}
	return r, err
}

// RunByID reads a run for those who go on with it, whosever it is; ErrNoRows when it is gone.
func (s *Store) RunByID(ctx context.Context, q store.Q, id string) (object.Run, error) {
	return scanRun(q.QueryRow(ctx, `SELECT `+runColumns+` FROM thread_runs WHERE id = $1`, id))
}

// InsertStep adds a step to a run, behind its others, and gives it id, position and time.
func (s *Store) InsertStep(ctx context.Context, tx *store.Tx, t *object.Step) error {
	if t.ID == "" {
		t.ID = ids.New(object.StepID)
	}
	if t.Created.IsZero() {
		t.Created = s.now()
	}
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(position) + 1, 0) FROM thread_run_steps WHERE run_id = $1`, t.RunID).Scan(&t.Position); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO thread_run_steps (`+stepColumns+`) VALUES (`+store.Placeholders(1, 19)+`)`,
		t.ID, t.Org, t.Project, t.RunID, t.ThreadID, t.AssistantID, t.Position, t.Type, t.Status, store.JSON(t.Details), store.JSON(t.LastError), store.JSON(t.Usage),
		store.JSON(metadata(t.Metadata)), raw(&t.Context), store.Millis(t.Created), store.Millis(t.ExpiredAt), store.Millis(t.CancelledAt), store.Millis(t.FailedAt), store.Millis(t.CompletedAt))
	return err
}

// UpdateStep writes what of a step may change: all but whose it is and its place.
func (s *Store) UpdateStep(ctx context.Context, tx *store.Tx, t *object.Step) error {
	_, err := tx.Exec(ctx, `UPDATE thread_run_steps SET status = $2, details = $3, last_error = $4, usage = $5, context = $6, expired_at = $7, cancelled_at = $8,
		failed_at = $9, completed_at = $10 WHERE id = $1`,
		t.ID, t.Status, store.JSON(t.Details), store.JSON(t.LastError), store.JSON(t.Usage), raw(&t.Context), store.Millis(t.ExpiredAt),
		store.Millis(t.CancelledAt), store.Millis(t.FailedAt), store.Millis(t.CompletedAt))
	return err
}

// Steps reads all steps of a run in order.
func (s *Store) Steps(ctx context.Context, q store.Q, runID string) ([]object.Step, error) {
	return store.Collect(ctx, q, scanStep, `SELECT `+stepColumns+` FROM thread_run_steps WHERE run_id = $1 ORDER BY position`, runID)
}

// Step reads a step of a run that the caller has found to be the actor's.
func (s *Store) Step(ctx context.Context, q store.Q, runID, id string) (object.Step, error) {
	if !ids.Valid(object.StepID, id) {
		return object.Step{}, notFound("run step", id)
	}
	t, err := scanStep(q.QueryRow(ctx, `SELECT `+stepColumns+` FROM thread_run_steps WHERE run_id = $1 AND id = $2`, runID, id))
	if errors.Is(err, store.ErrNoRows) {
		return t, notFound("run step", id)
	}
	return t, err
}

func (s *Store) runs(ctx context.Context, threadID string, p store.Paging) ([]object.Run, bool, error) {
	l := store.List{Columns: runColumns, From: "thread_runs", Where: "thread_id = $1", Args: []any{threadID}}
	runs, more, err := store.Page(ctx, s.db.Read(), l, p, scanRun)
	return runs, more, cursor("run", err)
}

func (s *Store) steps(ctx context.Context, runID string, p store.Paging) ([]object.Step, bool, error) {
	l := store.List{Columns: stepColumns, From: "thread_run_steps", Where: "run_id = $1", Args: []any{runID}, Time: "position"}
	steps, more, err := store.Page(ctx, s.db.Read(), l, p, scanStep)
	return steps, more, cursor("run step", err)
}

package assistants

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

const (
	columns = "id, name, description, model, instructions, tools, vector_store_id, own_store, metadata, temperature, top_p, response_format, reasoning_effort, created_at, updated_at"
	owned   = "org_id = $1 AND project_id = $2"
)

func scan(row store.Scanner) (a object.Assistant, err error) {
	var created, updated int64
	err = row.Scan(&a.ID, &a.Name, &a.Description, &a.Model, &a.Instructions, store.JSON(&a.Tools), &a.VectorStore, &a.OwnStore, store.JSON(&a.Metadata),
		&a.Temperature, &a.TopP, store.JSON(&a.ResponseFormat), &a.ReasoningEffort, &created, &updated)
	a.Created, a.Updated = store.Time(created), store.Time(updated)
	return a, err
}

func notFound(what, id string) error {
	return fault.New(fault.NotFound, "No %s found with id '%.80s'.", what, id)
}

// assistant reads an assistant of the actor's project.
func (s *Service) assistant(ctx context.Context, q store.Q, who actor.Actor, id string) (object.Assistant, error) {
	if !ids.Valid(object.AssistantID, id) {
		return object.Assistant{}, notFound("assistant", id)
	}
	a, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM assistants WHERE `+owned+` AND id = $3`, who.Org, who.Project, id))
	if errors.Is(err, store.ErrNoRows) {
		return a, notFound("assistant", id)
	}
	if err != nil {
		return a, err
	}
	all := []object.Assistant{a}
	err = fillFiles(ctx, q, all)
	return all[0], err
}

// lock reads an assistant and takes the turn to change it: PostgreSQL holds the row until the transaction ends, SQLite has one
// writer anyway.
func (s *Service) lock(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (object.Assistant, error) {
	if _, err := tx.Exec(ctx, `UPDATE assistants SET updated_at = updated_at WHERE `+owned+` AND id = $3`, who.Org, who.Project, id); err != nil {
		return object.Assistant{}, err
	}
	return s.assistant(ctx, tx, who, id)
}

// fillFiles reads the files of assistants.
func fillFiles(ctx context.Context, q store.Q, all []object.Assistant) error {
	if len(all) == 0 {
		return nil
	}
	args := make([]any, len(all))
	at := map[string]int{}
	for i, a := range all {
		args[i], at[a.ID] = a.ID, i
	}
	type row struct {
		assistant string
		file      object.File
	}
	rows, err := store.Collect(ctx, q, func(sc store.Scanner) (r row, err error) {
		var created int64
		err = sc.Scan(&r.assistant, &r.file.ID, &r.file.Code, &r.file.Search, &r.file.Position, &created)
		r.file.Created = store.Time(created)
		return r, err
	}, `SELECT assistant_id, file_id, code, search, position, created_at FROM assistant_files WHERE assistant_id IN (`+store.Placeholders(1, len(all))+`) ORDER BY assistant_id, position, file_id`, args...)
	for _, r := range rows {
		a := &all[at[r.assistant]]
		a.Files = append(a.Files, r.file)
	}
	return err
}

func (s *Service) page(ctx context.Context, who actor.Actor, p store.Paging) ([]object.Assistant, bool, error) {
	l := store.List{Columns: columns, From: "assistants", Where: owned, Args: []any{who.Org, who.Project}}
	all, more, err := store.Page(ctx, s.DB.Read(), l, p, scan)
	if c, ok := errors.AsType[*store.CursorError](err); ok {
		e := fault.New(fault.NotFound, "No assistant found with id '%.80s'.", c.ID)
		e.Param = c.Param
		return nil, false, e
	}
	if err != nil {
		return nil, false, err
	}
	return all, more, fillFiles(ctx, s.DB.Read(), all)
}

// insert adds an assistant without files. Its id may be taken already: then nothing is added.
func (s *Service) insert(ctx context.Context, tx *store.Tx, who actor.Actor, a *object.Assistant) (added bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO assistants (org_id, project_id, `+columns+`) VALUES (`+store.Placeholders(1, 17)+`) ON CONFLICT (id) DO NOTHING`,
		who.Org, who.Project, a.ID, a.Name, a.Description, a.Model, a.Instructions, store.JSON(tools(a)), a.VectorStore, a.OwnStore, store.JSON(metadata(a)),
		a.Temperature, a.TopP, store.JSON(a.ResponseFormat), a.ReasoningEffort, store.Millis(a.Created), store.Millis(a.Updated))
	return n > 0, err
}

// Columns that are never NULL.
func tools(a *object.Assistant) []object.Tool {
	if a.Tools == nil {
		return []object.Tool{}
	}
	return a.Tools
}

func metadata(a *object.Assistant) object.Metadata {
	if a.Metadata == nil {
		return object.Metadata{}
	}
	return a.Metadata
}

// update writes an assistant that is locked, and its files.
func (s *Service) update(ctx context.Context, tx *store.Tx, who actor.Actor, a *object.Assistant) error {
	_, err := tx.Exec(ctx, `UPDATE assistants SET name = $2, description = $3, model = $4, instructions = $5, tools = $6, vector_store_id = $7, own_store = $8, metadata = $9,
		temperature = $10, top_p = $11, response_format = $12, reasoning_effort = $13, updated_at = $14 WHERE id = $1`,
		a.ID, a.Name, a.Description, a.Model, a.Instructions, store.JSON(tools(a)), a.VectorStore, a.OwnStore, store.JSON(metadata(a)),
		a.Temperature, a.TopP, store.JSON(a.ResponseFormat), a.ReasoningEffort, store.Millis(a.Updated))
	if err != nil {
		return err
	}
	return s.writeFiles(ctx, tx, who, a)
}

func (s *Service) writeFiles(ctx context.Context, tx *store.Tx, who actor.Actor, a *object.Assistant) error {
	if _, err := tx.Exec(ctx, `DELETE FROM assistant_files WHERE assistant_id = $1`, a.ID); err != nil {
		return err
	}
	rows := make([][]any, len(a.Files))
	for i, f := range a.Files {
		rows[i] = []any{a.ID, f.ID, who.Org, who.Project, f.Code, f.Search, i, store.Millis(f.Created)}
	}
	_, err := store.InsertMany(ctx, tx, "assistant_files", "assistant_id, file_id, org_id, project_id, code, search, position, created_at", rows, "")
	return err
}

func (s *Service) remove(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM assistants WHERE id = $1`, id)
	return err
}

// FileDeleted takes a file that is being deleted from all assistants of its project, in the transaction of its deletion.
func (s *Service) FileDeleted(ctx context.Context, tx *store.Tx, f files.File) error {
	_, err := tx.Exec(ctx, `DELETE FROM assistant_files WHERE org_id = $1 AND file_id = $2`, f.Org, f.ID)
	return err
}

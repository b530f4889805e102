package store

import (
	"context"
	"database/sql"
)

// maxKept bounds the statements that are kept compiled.
const maxKept = 256

// kept are statements of SQLite's writer that stay compiled: compiling an insert of many rows takes as
// long as running it. Whoever has the writer's turn may use it; it is not safe for concurrent use.
type kept struct {
	compiled map[string]*sql.Stmt
	wanted   []string
}

// get returns the compiled statement, or nil: it will be compiled before the next transaction, as the
// one connection that writes belongs to the one that runs.
func (k *kept) get(query string) *sql.Stmt {
	if stmt := k.compiled[query]; stmt != nil {
		return stmt
	}
	if len(k.compiled)+len(k.wanted) < maxKept {
		k.wanted = append(k.wanted, query)
	}
	return nil
}

// compile compiles what was asked for.
func (k *kept) compile(ctx context.Context, db *sql.DB) error {
	for len(k.wanted) > 0 {
		query := k.wanted[0]
		if k.compiled[query] == nil {
			stmt, err := db.PrepareContext(ctx, query)
			if err != nil {
				k.wanted = k.wanted[1:] // its caller gets this error from the database itself
				if ctx.Err() != nil {
					return err
				}
				continue
			}
			if k.compiled == nil {
				k.compiled = map[string]*sql.Stmt{}
			}
			k.compiled[query] = stmt
		}
		k.wanted = k.wanted[1:]
	}
	return nil
}

// keptQ runs a compiled statement in a transaction, whatever the text says.
type keptQ struct {
	*sql.Tx
	stmt *sql.Stmt
}

func (q keptQ) ExecContext(ctx context.Context, _ string, args ...any) (sql.Result, error) {
	return q.Tx.StmtContext(ctx, q.stmt).ExecContext(ctx, args...)
}

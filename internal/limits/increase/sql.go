package increase

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-ai/parley/internal/store"
)

const columns = "id, org_id, subject, subject_id, model, reason, wanted, in_force, evidence, state, created_at, user_id, user_email, decided_at, decided_by, note, granted"

func scan(row store.Scanner) (r Request, err error) {
	var created, decided int64
	err = row.Scan(&r.ID, &r.Org, &r.Subject, &r.SubjectID, &r.Model, &r.Reason, store.JSON(&r.Wanted), store.JSON(&r.InForce), store.JSON(&r.Evidence), &r.State,
		&created, &r.User, &r.Email, &decided, &r.DecidedBy, &r.Note, store.JSON(&r.Granted))
	r.Created = store.Time(created)
	if decided != 0 {
		r.Decided = store.Time(decided)
	}
	return r, err
}

func insert(ctx context.Context, tx *store.Tx, r Request) error {
	_, err := tx.Exec(ctx, `INSERT INTO limit_requests (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '', '', NULL)`,
		r.ID, r.Org, string(r.Subject), r.SubjectID, r.Model, r.Reason, store.JSON(r.Wanted), store.JSON(r.InForce), store.JSON(r.Evidence), string(r.State),
		store.Millis(r.Created), r.User, r.Email)
	return err
}

// find reads a request of any organization.
func find(ctx context.Context, q store.Q, id string) (Request, error) {
	if strings.ContainsRune(id, 0) {
		return Request{}, notFound(id)
	}
	r, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM limit_requests WHERE id = $1`, id))
	if errors.Is(err, store.ErrNoRows) {
		return Request{}, notFound(id)
	}
	return r, err
}

// update writes how an open request ended; false when it is not open any more.
func update(ctx context.Context, tx *store.Tx, r Request) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE limit_requests SET state = $1, decided_at = $2, decided_by = $3, note = $4, granted = $5 WHERE id = $6 AND state = 'open'`,
		string(r.State), store.Millis(r.Decided), r.DecidedBy, r.Note, store.JSON(r.Granted), r.ID)
	return n > 0, err
}

// list returns a page; empty org, user and state are all. Only what is asked for is in the statement, so that an index finds it.
func list(ctx context.Context, q store.Q, org, user string, state State, p store.Paging) ([]Request, bool, error) {
	var where []string
	var args []any
	for _, f := range [][2]string{{"org_id", org}, {"user_id", user}, {"state", string(state)}} {
		if f[1] != "" {
			args = append(args, f[1])
			where = append(where, fmt.Sprintf("%s = $%d", f[0], len(args)))
		}
	}
	return store.Page(ctx, q, store.List{Columns: columns, From: "limit_requests", Where: strings.Join(where, " AND "), Args: args}, p, scan)
}

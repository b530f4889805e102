package usage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// writerBits is how many bits of a row's id count the rows of its writer.
const writerBits = 40

// firstID is the id of a writer's first row; 0 is none.
func firstID(writer int64) int64 { return writer<<writerBits + 1 }

// addWriter makes this process one of the writers.
func addWriter(ctx context.Context, db *store.DB, now time.Time) (id int64, err error) {
	for range 10 { // servers that start at once may choose the same id
		err = db.Tx(ctx, func(tx *store.Tx) error {
			if err := tx.QueryRow(ctx, `SELECT MAX(id) + 1 FROM usage_writers`).Scan(&id); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO usage_writers (id, rolled, seen_at) VALUES ($1, $2, $3)`, id, firstID(id)-1, store.Millis(now))
			return err
		})
		if !store.IsUnique(err) {
			return id, err
		}
	}
	return 0, err
}

// addMonths makes the partitions that rows go to.
func (l *Log) addMonths(ctx context.Context, tx *store.Tx, events []*event) error {
	for _, e := range events {
		at := e.at.UTC()
		month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
		if l.months[month] {
			continue
		}
		if err := addMonth(ctx, tx, month); err != nil {
			return err
		}
		tx.AfterCommit(func() { l.months[month] = true })
	}
	return nil
}

const eventColumns = "id, created_at, org_id, project_id, user_id, key_id, request_id, class, op, model, served_model, model_requests, " +
	"prompt_tokens, cached_tokens, completion_tokens, status, code, latency_ms, first_token_ms, cost, cached_cost, output_cost, priced, end_user, untracked"

func insert(ctx context.Context, tx *store.Tx, events []*event) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		r := &e.row
		rows[i] = []any{e.id, store.Millis(e.at), e.who.Org, e.who.Project, e.who.User, e.who.Key, e.requestID, e.class, r.Op, r.Model, r.Served, r.Requests,
			r.Prompt, r.Cached, r.Completion, r.Status, e.code, r.Latency.Milliseconds(), r.FirstToken.Milliseconds(), e.cost.Total, e.cost.Cached, e.cost.Output, e.priced, r.EndUser, e.untracked}
	}
	// A batch whose commit was in doubt may come again.
	_, err := store.InsertMany(ctx, tx, "usage_requests", eventColumns, rows, "ON CONFLICT DO NOTHING")
	return err
}

// writeAgain appends rows that may be there already, without adding them to the sums: those that are not in them are
// found by their ids.
func writeAgain(ctx context.Context, db *store.DB, events []*event) error {
	return db.Tx(ctx, func(tx *store.Tx) error { return insert(ctx, tx, events) })
}

func scanEvent(row store.Scanner) (*event, error) {
	e := &event{}
	var at, latency, first int64
	r := &e.row
	err := row.Scan(&e.id, &at, &e.who.Org, &e.who.Project, &e.who.User, &e.who.Key, &e.requestID, &e.class, &r.Op, &r.Model, &r.Served, &r.Requests,
		&r.Prompt, &r.Cached, &r.Completion, &r.Status, &e.code, &latency, &first, &e.cost.Total, &e.cost.Cached, &e.cost.Output, &e.priced, &r.EndUser, &e.untracked)
	e.at, r.Latency, r.FirstToken = store.Time(at), time.Duration(latency)*time.Millisecond, time.Duration(first)*time.Millisecond
	return e, err
}

// eventsAfter returns rows with after < id ≤ upTo, some thousand at most, in their order.
func eventsAfter(ctx context.Context, q store.Q, after, upTo int64) ([]*event, error) {
	return store.Collect(ctx, q, scanEvent, `SELECT `+eventColumns+` FROM usage_requests WHERE id > $1 AND id <= $2 ORDER BY id LIMIT 5000`, after, upTo)
}

// errMoved says that usage_writers.rolled is not what it was.
var errMoved = errors.New("usage: somebody else added these rows to the sums")

// addSums adds what the rows from < id ≤ to come to, in the transaction that says so.
func addSums(ctx context.Context, db *store.DB, writer, from, to int64, added sums) error {
	return db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE usage_writers SET rolled = $1 WHERE id = $2 AND rolled = $3`, to, writer, from)
		if err != nil {
			return err
		}
		if n == 0 {
			return errMoved
		}
		return writeSums(ctx, tx, added.expand())
	})
}

// writeSums adds to the sums of the database.
func writeSums(ctx context.Context, tx *store.Tx, added sums) error {
	var rows, endUsers, endUserDays [][]any
	for _, g := range added.sorted() {
		s := added[g]
		var row []any
		switch g.kind {
		case byEndUser:
			row = append(make([]any, 0, 79), g.org, int64(g.span/time.Second), g.start, g.project, g.endUser, g.model, g.class, g.outcome)
		case byEndUserDay:
			row = append(make([]any, 0, 76), g.org, g.start, g.project, g.endUser, s.errors)
		default:
			row = append(make([]any, 0, 83), g.org, g.kind, int64(g.span/time.Second), g.start, g.project, g.user, g.key, g.model, g.served, g.class, g.op, g.outcome)
		}
		row = append(row, s.Requests, s.ModelRequests, s.Prompt, s.Cached, s.Completion, s.Cost, s.CachedCost, s.OutputCost, s.Unpriced)
		for _, n := range s.Latency {
			row = append(row, n)
		}
		for _, n := range s.FirstToken {
			row = append(row, n)
		}
		switch g.kind {
		case byEndUser:
			endUsers = append(endUsers, row)
		case byEndUserDay:
			endUserDays = append(endUserDays, row)
		default:
			rows = append(rows, row)
		}
	}
	if _, err := store.InsertMany(ctx, tx, "usage_rollups", sumColumns, rows, onSumConflict); err != nil {
		return err
	}
	if _, err := store.InsertMany(ctx, tx, "usage_end_users", endUserColumns, endUsers, onEndUserConflict); err != nil {
		return err
	}
	_, err := store.InsertMany(ctx, tx, "usage_end_user_days", endUserDayColumns, endUserDays, onEndUserDayConflict)
	return err
}

// seen notes that this process lives.
func seen(ctx context.Context, db *store.DB, writer int64, now time.Time) error {
	_, err := db.Exec(ctx, `UPDATE usage_writers SET seen_at = $1 WHERE id = $2`, store.Millis(now), writer)
	return err
}

func rolledOf(ctx context.Context, db *store.DB, writer int64) (rolled int64, err error) {
	err = db.Read().QueryRow(ctx, `SELECT rolled FROM usage_writers WHERE id = $1`, writer).Scan(&rolled)
	return rolled, err
}

// leftBehind returns other writers, silent since before, that left rows which are not in the sums.
func leftBehind(ctx context.Context, db *store.DB, self int64, before time.Time) ([]int64, error) {
	scan := func(row store.Scanner) (id int64, err error) { return id, row.Scan(&id) }
	return store.Collect(ctx, db.Read(), scan, `SELECT w.id FROM usage_writers w WHERE w.id <> $1 AND w.seen_at < $2
		AND EXISTS (SELECT 1 FROM usage_requests r WHERE r.id > w.rolled AND r.id <= (w.id + 1) * $3) ORDER BY w.id`,
		self, store.Millis(before), int64(1)<<writerBits)
}

// Columns of the sums: those that name a group, and those that are added up.
var (
	groupColumns = []string{"org_id", "kind", "span", "start_at", "project_id", "user_id", "key_id", "model", "served_model", "class", "op", "outcome"}
	countColumns = []string{"requests", "model_requests", "prompt_tokens", "cached_tokens", "completion_tokens", "cost", "cached_cost", "output_cost", "unpriced"}
	latencies    = histogramColumns("l")
	firstTokens  = histogramColumns("f")

	sumColumns    = strings.Join(groupColumns, ", ") + ", " + strings.Join(added(), ", ")
	onSumConflict = sumConflict("usage_rollups", groupColumns, added())

	endUserGroup      = []string{"org_id", "span", "start_at", "project_id", "end_user", "model", "class", "outcome"} // of usage_end_users
	endUserColumns    = strings.Join(endUserGroup, ", ") + ", " + strings.Join(added(), ", ")
	onEndUserConflict = sumConflict("usage_end_users", endUserGroup, added())

	endUserDayGroup      = []string{"org_id", "start_at", "project_id", "end_user"} // of usage_end_user_days
	endUserDayAdded      = append([]string{"errors"}, added()...)
	endUserDayColumns    = strings.Join(endUserDayGroup, ", ") + ", " + strings.Join(endUserDayAdded, ", ")
	onEndUserDayConflict = sumConflict("usage_end_user_days", endUserDayGroup, endUserDayAdded)
)

func histogramColumns(letter string) []string {
	out := make([]string, len(bounds)+1)
	for i := range out {
		out[i] = fmt.Sprint(letter, i)
	}
	return out
}

// added are all columns that are added up.
func added() []string {
	return append(append(append([]string{}, countColumns...), latencies...), firstTokens...)
}

func sumConflict(table string, group, added []string) string {
	var b strings.Builder
	b.WriteString("ON CONFLICT (" + strings.Join(group, ", ") + ") DO UPDATE SET ")
	for i, c := range added {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s = %s.%s + excluded.%s", c, table, c, c)
	}
	return b.String()
}

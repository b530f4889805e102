package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

func readKeeping(ctx context.Context, q store.Q) (k Keeping, err error) {
	var requests, minutes int64
	err = q.QueryRow(ctx, `SELECT requests_days, minutes_days, requests_from, minutes_from FROM usage_keeping`).Scan(&k.Requests, &k.Minutes, &requests, &minutes)
	if requests > 0 {
		k.RequestsFrom = store.Time(requests)
	}
	if minutes > 0 {
		k.MinutesFrom = store.Time(minutes)
	}
	return k, err
}

func writeKeeping(ctx context.Context, tx *store.Tx, k Keeping) error {
	_, err := tx.Exec(ctx, `UPDATE usage_keeping SET requests_days = $1, minutes_days = $2`, k.Requests, k.Minutes)
	return err
}

// markKeeping notes from when on there are "requests" or "minutes"; it never goes back, since what is gone is gone.
func markKeeping(ctx context.Context, db *store.DB, what string, from time.Time) error {
	_, err := db.Exec(ctx, `UPDATE usage_keeping SET `+what+`_from = $1, `+what+`_told = '' WHERE `+what+`_from < $1`, store.Millis(from))
	return err
}

// tellKeeping claims an organization's line of the audit log about what goes before that time; false: it is written. Organizations come in the order of their ids.
func tellKeeping(ctx context.Context, tx *store.Tx, what, org string) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE usage_keeping SET `+what+`_told = $1 WHERE `+what+`_told < $1`, org)
	return n > 0, err
}

// leaseKeeping takes the right to delete until a time, unless somebody has it.
func leaseKeeping(ctx context.Context, db *store.DB, now, until time.Time) (bool, error) {
	n, err := db.Exec(ctx, `UPDATE usage_keeping SET busy_until = $1 WHERE busy_until < $2`, store.Millis(until), store.Millis(now))
	return n > 0, err
}

// freeKeeping gives it back.
func freeKeeping(ctx context.Context, db *store.DB, until time.Time) error {
	_, err := db.Exec(ctx, `UPDATE usage_keeping SET busy_until = 0 WHERE busy_until = $1`, store.Millis(until))
	return err
}

// dueKeeping claims the turn to enqueue the job, once in every of its times.
func dueKeeping(ctx context.Context, tx *store.Tx, now time.Time, every time.Duration) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE usage_keeping SET looked_at = $1 WHERE looked_at <= $2`, store.Millis(now), store.Millis(now.Add(-every)))
	return n > 0, err
}

// nextOrganization returns the organization that comes after one in a table; empty at the end.
func nextOrganization(ctx context.Context, q store.Q, table, after string) (string, error) {
	var org sql.NullString
	err := q.QueryRow(ctx, `SELECT MIN(org_id) FROM `+table+` WHERE org_id > $1`, after).Scan(&org)
	return org.String, err
}

// inSums is the condition that a row is in the sums.
const inSums = "id <= (SELECT w.rolled FROM usage_writers w WHERE w.id = (usage_requests.id - 1) >> 40)"

func countRequests(ctx context.Context, q store.Q, org string, before time.Time) (n int64, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM usage_requests WHERE org_id = $1 AND created_at < $2 AND `+inSums, org, store.Millis(before)).Scan(&n)
	return n, err
}

// deleteRequests deletes at most limit rows, the oldest first.
func deleteRequests(ctx context.Context, tx *store.Tx, org string, before time.Time, limit int) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM usage_requests WHERE org_id = $1 AND created_at < $2 AND id IN
		(SELECT id FROM usage_requests WHERE org_id = $1 AND created_at < $2 AND `+inSums+` ORDER BY created_at, id LIMIT $3)`, org, store.Millis(before), limit)
}

// sumsWhere chooses the sums of a table; those by end user have no kind of their own.
func sumsWhere(org, kind string, span time.Duration) (string, []any) {
	args := []any{org, int64(span / time.Second)}
	switch kind {
	case byEndUser:
		return " WHERE org_id = $1 AND span = $2", args
	case byEndUserDay:
		return " WHERE org_id = $1", args[:1]
	}
	return " WHERE org_id = $1 AND span = $2 AND kind = $3", append(args, kind)
}

func oldestSum(ctx context.Context, q store.Q, table, org, kind string, span time.Duration) (_ time.Time, found bool, err error) {
	where, args := sumsWhere(org, kind, span)
	var at sql.NullInt64
	err = q.QueryRow(ctx, `SELECT MIN(start_at) FROM `+table+where, args...).Scan(&at)
	return store.Time(at.Int64), at.Valid, err
}

func deleteSums(ctx context.Context, tx *store.Tx, table, org, kind string, span time.Duration, before time.Time) error {
	where, args := sumsWhere(org, kind, span)
	_, err := tx.Exec(ctx, fmt.Sprintf(`DELETE FROM %s%s AND start_at < $%d`, table, where, len(args)+1), append(args, store.Millis(before))...)
	return err
}

// lockTimeout is how long a partition's making or going may wait for the table, which makes others wait.
const lockTimeout = `SET LOCAL lock_timeout = '2s'`

// addMonthsAhead makes partitions before the first row of a month needs one, when the table is quiet.
func (l *Log) addMonthsAhead(ctx context.Context, now time.Time) error {
	if l.db.Dialect() != store.Postgres {
		return nil
	}
	there, err := partitions(ctx, l.db.Read())
	if err != nil {
		return err
	}
	at := now.UTC()
	for i := range keepAhead + 1 {
		month := time.Date(at.Year(), at.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		if _, ok := there[month]; ok {
			continue
		}
		if err := l.db.Tx(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, lockTimeout); err != nil {
				return err
			}
			return addMonth(ctx, tx, month)
		}); err != nil {
			return err
		}
	}
	return nil
}

// monthLock is of those who make partitions: of two at once, IF NOT EXISTS lets the second one fail.
const monthLock = 0x7573616765 // "usage"

// addMonth makes the partition of a month.
func addMonth(ctx context.Context, tx *store.Tx, month time.Time) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(monthLock)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS usage_requests_%s PARTITION OF usage_requests FOR VALUES FROM (%d) TO (%d)`,
		month.Format("200601"), store.Millis(month), store.Millis(month.AddDate(0, 1, 0))))
	return err
}

// partitions returns the table of each month that has one.
func partitions(ctx context.Context, q store.Q) (map[time.Time]string, error) {
	names, err := store.Collect(ctx, q, func(row store.Scanner) (name string, err error) { return name, row.Scan(&name) },
		`SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'usage_requests'::regclass`)
	out := map[time.Time]string{}
	for _, name := range names {
		if month, err := time.Parse("200601", strings.TrimPrefix(name, "usage_requests_")); err == nil {
			out[month] = name
		}
	}
	return out, err
}

// dropMonths drops the partitions of which every row is old and in the sums, each with the lines of the audit log in its transaction.
func (s sweep) dropMonths(ctx context.Context, cut time.Time) error {
	there, err := partitions(ctx, s.db.Read())
	if err != nil {
		return err
	}
	for month, name := range there {
		if month.AddDate(0, 1, 0).After(cut) {
			continue
		}
		err := s.db.Tx(ctx, func(tx *store.Tx) error {
			var open bool
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM usage_writers w JOIN `+name+` r ON r.id > w.rolled AND r.id <= (w.id + 1) * $1)`, int64(1)<<writerBits).Scan(&open); err != nil || open {
				return errors.Join(err, skipIf(open))
			}
			type count struct {
				org string
				n   int64
			}
			counts, err := store.Collect(ctx, tx, func(row store.Scanner) (c count, err error) { return c, row.Scan(&c.org, &c.n) },
				`SELECT org_id, COUNT(*) FROM `+name+` GROUP BY org_id ORDER BY org_id`)
			if err != nil {
				return err
			}
			for _, c := range counts {
				if err := s.record(ctx, tx, c.org, requestsDeleted, month.AddDate(0, 1, 0), c.n); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, lockTimeout); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `DROP TABLE `+name)
			return err
		})
		if err != nil && !errors.Is(err, errOpen) {
			return err
		}
	}
	return nil
}

// errOpen says that a partition has rows that are in no sum yet.
var errOpen = errors.New("usage: rows of this month are in no sum yet")

func skipIf(open bool) error {
	if open {
		return errOpen
	}
	return nil
}
